import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sandbox.host.config import load_config
from sandbox.host.errors import HostError
from sandbox.host.functions import HttpTrigger, Queue, QueueTrigger, read_function
from sandbox.host.keys import AuthLevel, Keys
from sandbox.host.settings import AppSettings, load_settings

ROOT = Path(__file__).parents[2]


def write(path: Path, document: object) -> Path:
    path.write_text(json.dumps(document))
    return path


def test_the_defaults_of_host_json(tmp_path: Path) -> None:
    write(tmp_path / "host.json", {"version": "2.0"})
    config = load_config(tmp_path)
    queues = config.extensions.queues
    assert config.extensions.http.route_prefix == "api"
    assert (queues.batch_size, queues.max_dequeue_count, queues.message_encoding) == (16, 5, "base64")
    assert queues.visibility_timeout == timedelta(0)
    assert queues.max_polling_interval == timedelta(minutes=1)
    assert queues.threshold >= 8


def test_a_setting_wins_over_host_json(tmp_path: Path) -> None:
    write(tmp_path / "host.json", {"version": "2.0", "extensions": {"queues": {"batchSize": 8}}})
    prefix = "AzureFunctionsJobHost__extensions__queues__"
    settings = {f"{prefix}maxPollingInterval": "00:00:00.1", f"{prefix}batchSize": "4", "batchSize": "2"}
    queues = load_config(tmp_path, settings).extensions.queues
    assert (queues.batch_size, queues.max_polling_interval) == (4, timedelta(milliseconds=100))
    with pytest.raises(HostError, match=r"extensions\.queues\.batchSise"):
        load_config(tmp_path, {f"{prefix}batchSise": "4"})


def test_the_host_json_of_the_product_is_valid() -> None:
    queues = load_config(ROOT).extensions.queues
    assert queues.visibility_timeout == timedelta(seconds=30)
    assert queues.threshold == 8


@pytest.mark.parametrize(
    ("document", "member"),
    [
        ({}, "version"),
        ({"version": "1.0"}, "version"),
        ({"version": "2.0", "extensions": {"queues": {"batchSize": 33}}}, "extensions.queues.batchSize"),
        ({"version": "2.0", "extensions": {"queues": {"batchSise": 3}}}, "extensions.queues.batchSise"),
        ({"version": "2.0", "extensions": {"queues": {"visibilityTimeout": 30}}}, "must be a time span"),
        ({"version": "2.0", "logging": {"logLevel": {"default": "Loud"}}}, "logging.logLevel.default"),
        ({"version": "2.0", "extensionBundle": {"id": "x"}}, "extensionBundle.version"),
    ],
)
def test_a_faulty_host_json_is_reported_by_member(tmp_path: Path, document: object, member: str) -> None:
    write(tmp_path / "host.json", document)
    with pytest.raises(HostError, match=member):
        load_config(tmp_path)


def test_a_missing_host_json(tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"cannot read .*host\.json: No such file"):
        load_config(tmp_path)


def test_the_environment_wins_over_the_settings_file_and_options_stay_with_the_host(tmp_path: Path) -> None:
    values = {"A": "file", "B": "file", "HOST_MASTER_KEY": "m", "HOST_TIMERS": "off"}
    environment = {"A": "environment", "HOST_TIMERS": "on"}
    options = load_settings(write(tmp_path / "s.json", {"IsEncrypted": False, "Values": values}), environment)
    assert environment == {"A": "environment", "B": "file"}
    assert options == {"HOST_MASTER_KEY": "m", "HOST_TIMERS": "on"}


@pytest.mark.parametrize("document", [[], {"IsEncrypted": True, "Values": {}}, {"Values": {"A": 1}}])
def test_a_faulty_settings_file(tmp_path: Path, document: object) -> None:
    with pytest.raises(HostError, match=r"s\.json"):
        load_settings(write(tmp_path / "s.json", document), {})


def test_bindings_resolve_settings_and_connections() -> None:
    settings = AppSettings({"Q": "orders", "AzureWebJobsWork": "one", "Work": "two", "Plain": "three"})
    trigger = {"type": "queueTrigger", "name": "m", "queueName": "in-%Q%", "connection": "Work"}
    output = {"type": "queue", "name": "o", "queueName": "out", "connection": "Plain"}
    function = read_function("id", "f", [json.dumps(trigger), json.dumps(output)], settings)
    assert function.trigger == QueueTrigger("m", Queue("in-orders", "one"))
    assert function.queue_outputs == {"o": Queue("out", "three")}


def test_an_http_trigger_defaults_to_its_name_every_method_and_a_function_key() -> None:
    function = read_function("id", "f", [json.dumps({"type": "httpTrigger", "name": "req"})], AppSettings({}))
    assert function.trigger == HttpTrigger("req", "f", frozenset(), AuthLevel.FUNCTION)


@pytest.mark.parametrize(
    ("binding", "reason"),
    [
        ({"type": "queueTrigger", "queueName": "%Q%", "connection": "C"}, "f.x: %Q% does not resolve"),
        (
            {"type": "queueTrigger", "queueName": "q12", "connection": "D"},
            "the storage connection D is missing",
        ),
        (
            {"type": "queueTrigger", "queueName": "No_Queue", "connection": "C"},
            "'No_Queue' is not a queue name",
        ),
        ({"type": "timerTrigger", "schedule": "* * * * *"}, "f.x: schedule .* must have six fields"),
        ({"type": "blobTrigger"}, "does not serve bindings of type blobTrigger"),
        ({"type": "http"}, "has no trigger"),
    ],
)
def test_faulty_bindings(binding: dict[str, Any], reason: str) -> None:
    with pytest.raises(HostError, match=reason):
        read_function("id", "f", [json.dumps({"name": "x"} | binding)], AppSettings({"C": "connection"}))


@pytest.mark.parametrize("name", ["AzureWebJobs.f.Disabled", "AzureWebJobs_f_Disabled"])
def test_a_function_is_switched_off_by_a_setting(name: str) -> None:
    assert AppSettings({name: "True"}).is_disabled("f")
    assert AppSettings({name: "1"}).is_disabled("f")
    assert not AppSettings({name: "false"}).is_disabled("f")
    assert not AppSettings({name: "true"}).is_disabled("g")


@pytest.mark.parametrize(
    ("level", "nothing", "function", "master"),
    [
        (AuthLevel.ANONYMOUS, True, True, True),
        (AuthLevel.FUNCTION, False, True, True),
        (AuthLevel.ADMIN, False, False, True),
    ],
)
def test_keys(level: AuthLevel, *, nothing: bool, function: bool, master: bool) -> None:
    keys = Keys("f", "m")
    assert [keys.allow(level, key) for key in ("", "f", "m")] == [nothing, function, master]


def test_keys_that_are_not_given_are_made_up() -> None:
    one, other = Keys.from_options({}), Keys.from_options({"HOST_FUNCTION_KEY": "given"})
    assert one.function != one.master
    assert other.function == "given"

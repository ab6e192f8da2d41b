"""Settings: what is missing or malformed is named, all of it, in one message."""

from datetime import timedelta

import pytest

from shared.domain.tenure import LONGEST_OPERATION
from shared.settings import Settings, SettingsError
from tests.domain.support import SETTINGS


def problems(**changes: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        Settings.read(SETTINGS | changes)
    return list(caught.value.problems)


def test_complete_settings_are_read() -> None:
    settings = Settings.read(SETTINGS)
    assert settings.connectwise.company == "acme"
    assert settings.business_central.auth == "client_secret"
    assert settings.lease_time == timedelta(seconds=120)
    assert settings.operation_time == LONGEST_OPERATION
    assert settings.post_invoices is True
    assert settings.storage == {"AzureWebJobsStorage": "UseDevelopmentStorage=true"}


def test_secrets_do_not_show_in_the_representation() -> None:
    shown = repr(Settings.read(SETTINGS | {"CONNECTWISE_PRIVATE_KEY": "v3ry-s3cret"}))
    assert "v3ry-s3cret" not in shown
    assert "client-secret" not in shown


def test_trailing_slashes_and_blanks_are_trimmed() -> None:
    settings = Settings.read(SETTINGS | {"PUBLIC_URL": " https://dynaconnect.example/ "})
    assert settings.public_url == "https://dynaconnect.example"


@pytest.mark.parametrize("name", SETTINGS)
def test_each_missing_setting_is_named(name: str) -> None:
    environment = {key: value for key, value in SETTINGS.items() if key != name}
    with pytest.raises(SettingsError) as caught:
        Settings.read(environment)
    assert caught.value.problems == [f"{name} is missing"]


@pytest.mark.parametrize(
    "name",
    ["CONNECTWISE_URL", "BUSINESS_CENTRAL_URL", "BUSINESS_CENTRAL_AUTHORITY", "PUBLIC_URL", "KEY_VAULT_URL"],
)
@pytest.mark.parametrize(
    "address",
    [
        "elsewhere",
        "ftp://elsewhere",
        "https://",
        "https:///path",
        "http://[",
        "https://host:port",
        "https://host:99999",
        "http://far.example",
    ],
)
def test_an_address_must_be_one(name: str, address: str) -> None:
    [problem] = problems(**{name: address})
    assert problem.startswith(f"{name} ")


@pytest.mark.parametrize("address", ["http://localhost:7071", "http://127.0.0.1:7071", "http://[::1]:7071"])
def test_plain_http_is_for_this_machine(address: str) -> None:
    assert Settings.read(SETTINGS | {"PUBLIC_URL": address}).public_url == address


@pytest.mark.parametrize("seconds", ["0", "-1", "1.5", "²", "soon", "3601", "9" * 30, "1e2"])
def test_the_lease_is_a_whole_number_of_seconds(seconds: str) -> None:
    [problem] = problems(DYNACONNECT_LEASE_SECONDS=seconds)
    assert problem.startswith("DYNACONNECT_LEASE_SECONDS ")
    assert "from 1 to 3600" in problem


@pytest.mark.parametrize(("text", "posts"), [("true", True), ("False", False), ("", True)])
def test_a_switch_is_true_or_false(text: str, posts: bool) -> None:
    assert Settings.read(SETTINGS | {"DYNACONNECT_POST_INVOICES": text}).post_invoices is posts


@pytest.mark.parametrize("text", ["yes", "1", "tru"])
def test_any_other_switch_is_refused(text: str) -> None:
    assert problems(DYNACONNECT_POST_INVOICES=text) == [
        f"DYNACONNECT_POST_INVOICES is {text!r} but must be true or false"
    ]


@pytest.mark.parametrize(
    ("auth", "needed"),
    [
        (
            "client_secret",
            ["BUSINESS_CENTRAL_TENANT", "BUSINESS_CENTRAL_CLIENT_ID", "BUSINESS_CENTRAL_CLIENT_SECRET"],
        ),
        (
            "certificate",
            ["BUSINESS_CENTRAL_TENANT", "BUSINESS_CENTRAL_CLIENT_ID", "BUSINESS_CENTRAL_CERTIFICATE"],
        ),
        ("managed_identity", ["BUSINESS_CENTRAL_TENANT", "BUSINESS_CENTRAL_CLIENT_ID"]),
        ("basic", ["BUSINESS_CENTRAL_USERNAME", "BUSINESS_CENTRAL_PASSWORD"]),
    ],
)
def test_each_way_of_signing_in_names_what_it_needs(auth: str, needed: list[str]) -> None:
    bare = {name: value for name, value in SETTINGS.items() if not name.startswith("BUSINESS_CENTRAL_")}
    bare |= {name: SETTINGS[name] for name in ("BUSINESS_CENTRAL_URL", "BUSINESS_CENTRAL_COMPANY")}
    with pytest.raises(SettingsError) as caught:
        Settings.read(bare | {"BUSINESS_CENTRAL_AUTH": auth})
    assert caught.value.problems == [f"{name} is missing" for name in needed]


def test_an_unknown_way_of_signing_in_lists_those_that_exist() -> None:
    [problem] = problems(BUSINESS_CENTRAL_AUTH="kerberos")
    assert problem.endswith("must be one of managed_identity, certificate, client_secret, basic")


def test_with_a_key_vault_no_secret_is_asked_of_the_settings() -> None:
    environment = {
        name: value for name, value in SETTINGS.items() if "_KEY" not in name and "SECRET" not in name
    }
    settings = Settings.read(environment | {"KEY_VAULT_URL": "https://vault.example"})
    assert settings.secrets_in_settings == {}


@pytest.mark.parametrize(
    ("storage", "named"),
    [
        ({}, ["AzureWebJobsStorage"]),
        ({"AzureWebJobsStorage": "nonsense"}, ["AzureWebJobsStorage"]),
        ({"AzureWebJobsStorage": "AccountName=a;key"}, ["AzureWebJobsStorage"]),
        (
            {"AzureWebJobsStorage__credential": "managedidentity"},
            ["AzureWebJobsStorage__queueServiceUri", "AzureWebJobsStorage__tableServiceUri"],
        ),
        (
            {"AzureWebJobsStorage__tableServiceUri": "https://a.table.core.windows.net"},
            ["AzureWebJobsStorage__queueServiceUri"],
        ),
        ({"AzureWebJobsStorage__accountName": "account"}, []),
    ],
)
def test_storage_is_a_connection_string_or_an_account(storage: dict[str, str], named: list[str]) -> None:
    environment = {name: value for name, value in SETTINGS.items() if name != "AzureWebJobsStorage"}
    try:
        Settings.read(environment | storage)
        found = []
    except SettingsError as error:
        found = [problem.split()[0] for problem in error.problems]
    assert found == named


def test_one_message_names_every_problem() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.read({"BUSINESS_CENTRAL_AUTH": "kerberos", "DYNACONNECT_LEASE_SECONDS": "soon"})
    text = str(caught.value)
    assert text.startswith("DynaConnect cannot start: ")
    missing = {
        "CONNECTWISE_URL",
        "CONNECTWISE_COMPANY",
        "BUSINESS_CENTRAL_URL",
        "PUBLIC_URL",
        "AzureWebJobsStorage",
    }
    for name in (*missing, "BUSINESS_CENTRAL_AUTH", "DYNACONNECT_LEASE_SECONDS", "CONNECTWISE_PRIVATE_KEY"):
        assert text.count(f"{name} is ") == 1

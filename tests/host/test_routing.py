import pytest

from sandbox.host.errors import HostError
from sandbox.host.functions import Function, HttpTrigger
from sandbox.host.keys import AuthLevel
from sandbox.host.routing import RouteTable


def function(name: str, route: str, *methods: str, disabled: bool = False) -> Function:
    trigger = HttpTrigger("req", route, frozenset(methods), AuthLevel.FUNCTION)
    return Function(name, name, trigger, {}, "$return", disabled)


def found(routes: RouteTable, method: str, path: str) -> tuple[str, dict[str, str]] | None:
    match = routes.find(method, path)
    return None if match is None else (match.function.name, match.parameters)


def test_the_most_specific_route_wins_whatever_the_order() -> None:
    routes = RouteTable(
        [
            function("rest", "a/{*rest}"),
            function("any", "a/{b}"),
            function("number", "a/{b:int}"),
            function("mixed", "a/x-{b}"),
            function("literal", "a/x-1"),
        ],
        "api",
    )
    assert found(routes, "GET", "/api/a/x-1") == ("literal", {})
    assert found(routes, "GET", "/api/a/x-2") == ("mixed", {"b": "2"})
    assert found(routes, "GET", "/api/a/17") == ("number", {"b": "17"})
    assert found(routes, "GET", "/api/a/b") == ("any", {"b": "b"})
    assert found(routes, "GET", "/api/a/b/c") == ("rest", {"rest": "b/c"})
    assert found(routes, "GET", "/api/a") == ("rest", {})
    assert found(routes, "GET", "/a/b") is None


def test_methods_choose_between_functions_on_one_route() -> None:
    routes = RouteTable([function("read", "a", "GET"), function("write", "a", "POST", "PUT")], "api")
    assert found(routes, "GET", "/api/a") == ("read", {})
    assert found(routes, "PUT", "/api/a") == ("write", {})
    assert found(routes, "DELETE", "/api/a") is None


def test_optional_parameters_case_and_trailing_slash() -> None:
    routes = RouteTable([function("f", "Things/{id:guid?}")], "")
    guid = "0f8fad5b-d9cb-469f-a165-70867728950e"
    assert found(routes, "GET", "/things") == ("f", {})
    assert found(routes, "GET", f"/THINGS/{guid.upper()}/") == ("f", {"id": guid.upper()})
    assert found(routes, "GET", "/things/other") is None


def test_values_are_decoded_but_an_encoded_slash_makes_no_segment() -> None:
    routes = RouteTable([function("f", "a/{b}")], "api")
    assert found(routes, "GET", "/api/a/M%C3%BCller%20%26%20Co") == ("f", {"b": "Müller & Co"})
    assert found(routes, "GET", "/api/a/x%2Fy") == ("f", {"b": "x%2Fy"})


def test_a_disabled_function_is_not_served() -> None:
    routes = RouteTable([function("f", "a", disabled=True)], "api")
    assert found(routes, "GET", "/api/a") is None


@pytest.mark.parametrize(
    ("functions", "reason"),
    [
        ([function("f", "a"), function("g", "A")], "f and g have the same route 'A' for every method"),
        ([function("f", "a", "GET"), function("g", "a", "GET")], "f and g have the same route 'a' for GET"),
        ([function("f", "a/{b:datetime}")], "does not know the route constraint 'datetime'"),
        ([function("f", "a/{b")], "is malformed"),
        ([function("f", "{a}/{a}")], "is malformed"),
        ([function("f", "admin/x")], "belongs to the host"),
    ],
)
def test_faulty_routes(functions: list[Function], reason: str) -> None:
    with pytest.raises(HostError, match=reason):
        RouteTable(functions, "")

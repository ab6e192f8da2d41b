"""The mapping document: how the records of one entity become payloads of one target, as data.

The models are the grammar; ``docs/mapping.md`` describes it for the people who edit it. Unknown words are refused.
"""

from decimal import Decimal
from typing import Annotated, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainValidator,
    StrictBool,
    StrictInt,
    Tag,
    model_validator,
)
from pydantic_core import PydanticCustomError

from shared.mapping.paths import parse_path
from shared.mapping.templates import parse_template
from shared.mapping.transforms import argument_problem
from shared.mapping.values import Json, Scalar, fold

TESTS: Final = ("is", "not", "in", "any_of", "empty", "starts", "greater", "less")
BESIDE_EXACT: Final = (
    "transforms", "lookup", "resolve", "link", "type", "decimals", "empty", "max", "overflow",
)  # fmt: skip
SOURCES: Final = ("from", "constant", "template")


def wrong(text: str) -> PydanticCustomError:
    """A validation error in our own words."""
    return PydanticCustomError("mapping", "{text}", {"text": text})


def _scalar(value: Json) -> Json:
    if isinstance(value, float):
        value = Decimal(repr(value))
    if isinstance(value, Decimal) and not value.is_finite():
        raise wrong("a number must be finite")
    if isinstance(value, str | bool | int | Decimal):
        return value
    raise wrong("a text, a number, true or false is needed")


def _number(value: Json) -> Json:
    value = _scalar(value)
    if isinstance(value, str | bool):
        raise wrong("a number is needed")
    return value


def _path(text: str) -> str:
    try:
        parse_path(text)
    except ValueError as error:
        raise wrong(str(error)) from None
    return text


def _template(text: str) -> str:
    try:
        parse_template(text)
    except ValueError as error:
        raise wrong(str(error)) from None
    return text


def _one_or_more(value: Json) -> Json:
    return [value] if isinstance(value, str) else value


def _step(value: Json) -> Json:
    return {"name": value} if isinstance(value, str) else value


def _word_or_use(value: Json) -> str:
    return "use" if isinstance(value, dict | Use) else "word"


AnyScalar = Annotated[Scalar, PlainValidator(_scalar, json_schema_input_type=str | bool | int | float)]
Number = Annotated[Decimal | int, PlainValidator(_number, json_schema_input_type=int | float)]
PathText = Annotated[str, AfterValidator(_path)]
PathTexts = Annotated[tuple[PathText, ...], BeforeValidator(_one_or_more), Field(min_length=1)]
TemplateText = Annotated[str, AfterValidator(_template)]


class Strict(BaseModel):
    """A part of a document: unknown words are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _no_null(cls, data: Json) -> Json:
        for word, value in data.items() if isinstance(data, dict) else ():
            if value is None:
                raise wrong(f"'{word}' is null; leave the word out instead")
        return data

    def given(self, *words: str) -> list[str]:
        """Which of these words the document uses here."""
        names = {field.alias or name: name for name, field in type(self).model_fields.items()}
        return [word for word in words if names.get(word) in self.model_fields_set]


class Use(Strict):
    """A fixed value to use instead."""

    use: AnyScalar


class Condition(Strict):
    """Either one test of the value at ``path`` or a group of conditions; ``why`` tells what it means when it fails."""

    path: PathText | None = None
    is_: AnyScalar | None = Field(None, alias="is")
    not_: AnyScalar | None = Field(None, alias="not")
    in_: tuple[AnyScalar, ...] | None = Field(None, alias="in", min_length=1)
    any_of: tuple[AnyScalar, ...] | None = Field(None, min_length=1)
    empty: StrictBool | None = None
    starts: str | None = Field(None, min_length=1)
    greater: Number | None = None
    less: Number | None = None
    all_: tuple["Condition", ...] | None = Field(None, alias="all", min_length=1)
    any_: tuple["Condition", ...] | None = Field(None, alias="any", min_length=1)
    none: tuple["Condition", ...] | None = Field(None, min_length=1)
    why: str | None = None

    @model_validator(mode="after")
    def _one_test(self) -> Self:
        tests, groups = self.given(*TESTS), self.given("all", "any", "none")
        if self.path is None and len(groups) == 1 and not tests:
            return self
        if self.path is None or groups:
            raise wrong("a condition has either a path with one test or one of all, any, none")
        if len(tests) != 1:
            raise wrong(f"a condition on a path needs exactly one of {', '.join(TESTS)}")
        return self


class TransformStep(BaseModel):
    """A transform by name; the other words are its arguments."""

    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[str, AnyScalar]
    name: str

    @model_validator(mode="after")
    def _known(self) -> Self:
        if problem := argument_problem(self.name, self.arguments):
            raise wrong(problem)
        return self

    @property
    def arguments(self) -> dict[str, Scalar]:
        """The arguments by name."""
        return dict(self.__pydantic_extra__ or {})


class Value(Strict):
    """Where a value comes from: paths (the first that is not empty), a fixed value, or a text with paths in it."""

    from_: PathTexts | None = Field(None, alias="from")
    constant: AnyScalar | None = None
    template: TemplateText | None = None
    transforms: tuple[Annotated[TransformStep, BeforeValidator(_step)], ...] = ()

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if len(self.given(*self._sources())) != 1:
            raise wrong(f"exactly one of {', '.join(self._sources())} is needed")
        return self

    @classmethod
    def _sources(cls) -> tuple[str, ...]:
        return SOURCES


class Case(Value):
    """A value that applies when its condition holds."""

    when: Condition


class Exact(Strict):
    """A unit price derived from the line total so that quantity x price, rounded, is that total.

    Where no such price exists, the line gets quantity 1, the total as price and the real quantity before its
    description. ``quantity`` and ``description`` name earlier fields of the same line.
    """

    quantity: str
    description: str
    total: Value
    decimals: Annotated[StrictInt, Field(ge=0, le=5)] = 2
    price_decimals: Annotated[StrictInt, Field(ge=0, le=10)] = 5
    quantity_decimals: Annotated[StrictInt, Field(ge=0, le=10)] = 5


class Resolve(Strict):
    """Finds the target record of ``set`` whose ``by`` equals the value and gives one of its properties."""

    set_: str = Field(alias="set")
    by: str
    give: str


class Link(Strict):
    """Takes the value as source id of another synced record and gives a property of the record it became."""

    entity: str
    give: Literal["id", "number"]


class Rule(Value):
    """How one target field gets its value."""

    to: str
    first: tuple[Value, ...] | None = Field(None, min_length=1)
    cases: tuple[Case, ...] | None = Field(None, min_length=1)
    otherwise: Value | None = None
    exact: Exact | None = None
    lookup: str | None = None
    resolve: Resolve | None = None
    link: Link | None = None
    type_: Literal["text", "money", "decimal", "integer", "boolean", "date"] | None = Field(
        None, alias="type"
    )
    decimals: Annotated[StrictInt, Field(ge=0, le=10)] | None = None
    max_: Annotated[StrictInt, Field(ge=1)] | None = Field(None, alias="max")
    overflow: Literal["hold", "cut", "cut_with_warning"] | None = None
    empty: Annotated[
        Annotated[Literal["omit", "clear", "hold"], Tag("word")] | Annotated[Use, Tag("use")],
        Discriminator(_word_or_use),
    ] = "omit"
    mode: Literal["always", "create"] = "always"
    note: str | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.otherwise and not self.cases:
            raise wrong("otherwise belongs to cases")
        if self.resolve and self.link:
            raise wrong("a rule has resolve or link, not both")
        if self.exact and (
            extra := self.given("transforms", "lookup", "resolve", "link", "type", "decimals")
        ):
            raise wrong(f"exact stands alone, without {extra[0]}")
        return self

    @classmethod
    def _sources(cls) -> tuple[str, ...]:
        return (*SOURCES, "first", "cases", "exact")


class LineBlock(Strict):
    """Lines of the target array ``to``: one for every element at ``each``, or a single one without it.

    An element is taken by the first block of the same ``each`` and ``to`` whose ``when`` holds; a block with
    ``also`` adds its lines beside that. ``otherwise`` ``hold`` stops the document when nobody took an element;
    ``leave_out`` takes elements without writing a line.
    """

    to: str
    each: PathText | None = None
    when: Condition | None = None
    otherwise: Literal["skip", "hold"] = "skip"
    also: StrictBool = False
    leave_out: StrictBool = False
    fields: tuple[Rule, ...] = Field((), min_length=1)
    note: str | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.each is None and (extra := self.given("otherwise", "also", "leave_out")):
            raise wrong(f"{extra[0]} belongs to a block with each")
        if self.leave_out == bool(self.fields):
            raise wrong("a block has either fields or leave_out")
        if self.leave_out and self.also:
            raise wrong("a block that leaves out adds nothing, so also has no meaning here")
        return self


class Lookup(Strict):
    """A translation table; ``otherwise`` says what happens to a value without a row."""

    title: str
    rows: dict[str, AnyScalar] = {}
    otherwise: Annotated[
        Annotated[Literal["hold", "same", "empty", "empty_with_warning"], Tag("word")]
        | Annotated[Use, Tag("use")],
        Discriminator(_word_or_use),
    ] = "hold"
    note: str | None = None

    @model_validator(mode="after")
    def _rows_differ(self) -> Self:
        seen: dict[str, str] = {}
        for row in self.rows:
            if not fold(row):
                raise wrong("a row needs a value to translate")
            if fold(row) in seen:
                raise wrong(f"the rows '{seen[fold(row)]}' and '{row}' mean the same value")
            seen[fold(row)] = row
        return self


class Balance(Strict):
    """The amounts of the lines in ``to`` must add up to ``total``, or the document is held with both figures."""

    to: str
    quantity: str
    price: str
    total: Value
    decimals: Annotated[StrictInt, Field(ge=0, le=5)] = 2


class MappingDocument(Strict):
    """The whole mapping of one entity."""

    entity: str = Field(pattern=r"^[a-z][a-z_]*$")
    version: StrictInt = Field(ge=1)
    title: str
    source: str
    target: str
    when: Condition | None = None
    fields: tuple[Rule, ...] = Field(min_length=1)
    lines: tuple[LineBlock, ...] = ()
    balance: Balance | None = None
    lookups: dict[str, Lookup] = {}
    note: str | None = None

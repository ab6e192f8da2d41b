"""What the target accepts: its sets, their fields, lengths and choices, as data. Read from JSON, never from a network."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

type FieldType = Literal["text", "code", "guid", "decimal", "integer", "boolean", "date", "datetime", "enum"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TargetField(_Strict):
    """One field: ``length`` in characters, ``never`` the reason why it must not be sent although it could be."""

    type_: FieldType = Field(alias="type")
    length: int | None = None
    read_only: bool = False
    create_only: bool = False
    required: bool = False
    enum: tuple[str, ...] = ()
    never: str | None = None

    @property
    def is_text(self) -> bool:
        """Whether its values are free texts with a length."""
        return self.type_ in ("text", "code")


class TargetSet(_Strict):
    """One entity set; ``lines`` names its line arrays and the set each of them holds."""

    fields: dict[str, TargetField]
    lines: dict[str, str] = {}


class TargetCatalogue(_Strict):
    """All sets of a target, and the set each synced entity becomes a record of."""

    title: str
    version: str
    entities: dict[str, str]
    sets: dict[str, TargetSet]

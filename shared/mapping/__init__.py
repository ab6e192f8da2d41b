"""The field-mapping engine: a JSON document says how records become payloads; one engine reads, checks and explains it.

Load a document, compile it once against the target's catalogue, ask ``references`` what to fetch, then ``apply``.
"""

from shared.mapping.check import check
from shared.mapping.compare import FieldChange, diff, fingerprint
from shared.mapping.document import MappingDocument
from shared.mapping.engine import CompiledMapping, compile_mapping
from shared.mapping.explain import explain
from shared.mapping.loading import load
from shared.mapping.problems import MappingError, Problem
from shared.mapping.results import (
    Finding,
    Mapped,
    MappingContext,
    Prefetched,
    References,
    SetReference,
    Step,
    Trace,
    Wait,
)
from shared.mapping.routing import Routing, RoutingRule, compile_routing
from shared.mapping.standard import STANDARD, business_central, standard_mapping
from shared.mapping.targets import TargetCatalogue, TargetField, TargetSet
from shared.mapping.workflow import Decision, Workflow, WorkflowDocument, compile_workflow, load_workflow

__all__ = [
    "STANDARD",
    "CompiledMapping",
    "Decision",
    "FieldChange",
    "Finding",
    "Mapped",
    "MappingContext",
    "MappingDocument",
    "MappingError",
    "Prefetched",
    "Problem",
    "References",
    "Routing",
    "RoutingRule",
    "SetReference",
    "Step",
    "TargetCatalogue",
    "TargetField",
    "TargetSet",
    "Trace",
    "Wait",
    "Workflow",
    "WorkflowDocument",
    "business_central",
    "check",
    "compile_mapping",
    "compile_routing",
    "compile_workflow",
    "diff",
    "explain",
    "fingerprint",
    "load",
    "load_workflow",
    "standard_mapping",
]

"""The rules of this product for its infrastructure: no keys, no plain text, least rights, nothing open by mistake."""

import re
from collections.abc import Iterator
from typing import Final

from infra_checks import nodes
from infra_checks.facts import BODY
from infra_checks.problems import Problem
from infra_checks.project import FOLDER, MAIN, Project, Value, path_of

CHECK: Final = "policy"
STORAGE: Final = "Microsoft.Storage/storageAccounts"
VAULT: Final = "Microsoft.KeyVault/vaults"
SITE: Final = "Microsoft.Web/sites"
PUBLISHING: Final = "Microsoft.Web/sites/basicPublishingCredentialsPolicies"
INSIGHTS: Final = "Microsoft.Insights/components"
ROLE: Final = "Microsoft.Authorization/roleAssignments"

type Allowed = tuple[str | int | bool, ...]

RULES: Final[dict[str, dict[str, Allowed]]] = {
    STORAGE: {
        "properties.allowSharedKeyAccess": (False,),
        "properties.allowBlobPublicAccess": (False,),
        "properties.allowCrossTenantReplication": (False,),
        "properties.defaultToOAuthAuthentication": (True,),
        "properties.minimumTlsVersion": ("TLS1_2", "TLS1_3"),
        "properties.supportsHttpsTrafficOnly": (True,),
        "properties.networkAcls.bypass": ("None",),
    },
    "Microsoft.Storage/storageAccounts/blobServices/containers": {"properties.publicAccess": ("None",)},
    VAULT: {
        "properties.enableRbacAuthorization": (True,),
        "properties.enablePurgeProtection": (True,),
        "properties.enableSoftDelete": (True,),
        "properties.softDeleteRetentionInDays": (90,),
        "properties.networkAcls.bypass": ("None",),
    },
    SITE: {
        "identity.type": ("UserAssigned",),
        "properties.httpsOnly": (True,),
        "properties.siteConfig.ftpsState": ("Disabled",),
        "properties.siteConfig.minTlsVersion": ("1.2", "1.3"),
        "properties.siteConfig.scmMinTlsVersion": ("1.2", "1.3"),
        "properties.functionAppConfig.deployment.storage.authentication.type": ("UserAssignedIdentity",),
        "properties.functionAppConfig.runtime.name": ("python",),
        "properties.functionAppConfig.runtime.version": ("3.13",),
    },
    PUBLISHING: {"properties.allow": (False,)},
    "Microsoft.Web/serverfarms": {"sku.name": ("FC1",), "properties.reserved": (True,)},
    INSIGHTS: {"properties.DisableLocalAuth": (True,)},
    "Microsoft.OperationalInsights/workspaces": {"properties.features.disableLocalAuth": (True,)},
}
"""What a property of a type must be, whatever the parameters say."""

SET: Final[dict[str, tuple[str, ...]]] = {
    SITE: ("properties.keyVaultReferenceIdentity", "properties.virtualNetworkSubnetId"),
    INSIGHTS: ("properties.WorkspaceResourceId",),
    STORAGE: ("properties.publicNetworkAccess", "properties.networkAcls.defaultAction"),
}
"""Properties that must be set to something."""

PRIVATE: Final[dict[str, dict[str, str]]] = {
    STORAGE: {"properties.publicNetworkAccess": "Disabled", "properties.networkAcls.defaultAction": "Deny"},
    VAULT: {"properties.publicNetworkAccess": "Disabled", "properties.networkAcls.defaultAction": "Deny"},
}
"""What a property must become when the network is private."""

ROLES: Final = {
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": STORAGE,
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": STORAGE,
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": STORAGE,
    "4633458b-17de-408a-b874-0445c86b69e6": VAULT,
    "b86a8fe4-44ce-4948-aee5-eccb2c155cd7": VAULT,
    "3913510d-42f4-4e42-8a64-420c390055eb": INSIGHTS,
}
"""The roles that may be given, and the type of resource that each may be given on."""

_SECRET_NAME: Final = re.compile(r"secret|password|key$|token$|certificate|connection_?string", re.IGNORECASE)
_SECRET_TEXT: Final = re.compile(
    r"AccountKey=|SharedAccessKey|SharedAccessSignature|[?&]sig=|-----BEGIN|@Microsoft\.KeyVault"
)
_GUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SAFE_NAMES: Final = frozenset({"APPLICATIONINSIGHTS_CONNECTION_STRING", "insightsConnectionString"})
"""The connection string of Application Insights opens nothing where local authentication is off."""


def check(project: Project) -> Iterator[Problem]:
    """Every broken rule."""
    for file in project.files.values():
        for resource in file.resources.values():
            if not resource.existing:
                yield from _rules(project, file, resource)
                yield from _tags_and_location(project, file, resource)
            if resource.type == ROLE:
                yield from _role(project, file, resource)
        yield from _secrets(file)
    yield from _present(project)


def value_at(body: nodes.Object, path: str) -> nodes.Expression | None:
    """The expression at a path of literal names, or ``None``."""
    found: nodes.Expression | None = body
    for name in path.split("."):
        found = found.get(name) if isinstance(found, nodes.Object) else None
    return found


def _rules(project: Project, file: nodes.File, resource: nodes.Resource) -> Iterator[Problem]:
    for path, allowed in RULES.get(resource.type, {}).items():
        values = _values(project, file, resource, path)
        if not values or any(value.literal not in allowed for value in values):
            wanted = " or ".join(map(str, allowed))
            yield Problem(
                file.path, _line(resource, path), CHECK, f"{resource.name}: {path} must be {wanted}"
            )
    for path in SET.get(resource.type, ()):
        if not _values(project, file, resource, path):
            yield Problem(file.path, resource.line, CHECK, f"{resource.name}: {path} must be set")
    for path, literal in PRIVATE.get(resource.type, {}).items():
        if literal not in {value.literal for value in _values(project, file, resource, path)}:
            text = f"{resource.name}: {path} must become {literal} when the network is private"
            yield Problem(file.path, _line(resource, path), CHECK, text)


def _values(project: Project, file: nodes.File, resource: nodes.Resource, path: str) -> list[Value]:
    found = value_at(resource.body, path)
    bound = project.bound(resource, file)
    return list(project.values(file, found, bound)) if found is not None else []


def _line(resource: nodes.Resource, path: str) -> int:
    found = value_at(resource.body, path)
    return found.line if found is not None else resource.line


def _tags_and_location(project: Project, file: nodes.File, resource: nodes.Resource) -> Iterator[Problem]:
    known = project.type_of(resource)
    if known and "tags" in known.definitions[BODY].properties and resource.body.get("tags") is None:
        yield Problem(file.path, resource.line, CHECK, f"{resource.name} has no tags")
    location = resource.body.get("location")
    if isinstance(location, nodes.Text) and location.literal != "global":
        yield Problem(file.path, location.line, CHECK, f"{resource.name}: the location must be a parameter")


def _role(project: Project, file: nodes.File, resource: nodes.Resource) -> Iterator[Problem]:
    scope = resource.body.get("scope")
    target = file.resources.get(scope.name) if isinstance(scope, nodes.Name) else None
    if target is None:
        yield Problem(file.path, resource.line, CHECK, f"{resource.name}: a role needs one resource as scope")
        return
    given = {
        str(value.literal)
        for call in (value_at(resource.body, "properties.roleDefinitionId"),)
        if isinstance(call, nodes.Call) and call.arguments
        for value in project.values(file, call.arguments[-1], project.bound(resource, file))
    }
    if not given:
        yield Problem(file.path, resource.line, CHECK, f"{resource.name}: the role cannot be told")
    for role in sorted(given):
        if ROLES.get(role) != target.type:
            text = f"{resource.name}: the role {role} is not on the list for {target.type}"
            yield Problem(file.path, resource.line, CHECK, text)


def _secrets(file: nodes.File) -> Iterator[Problem]:
    for output in file.outputs.values():
        _, names = path_of(output.value)
        if output.name not in _SAFE_NAMES and any(map(_SECRET_NAME.search, (output.name, *names))):
            yield Problem(file.path, output.line, CHECK, f"the output {output.name} looks like a secret")
    for parameter in file.parameters.values():
        secure = any(one.name == "secure" for one in parameter.decorators)
        if secure or (parameter.name not in _SAFE_NAMES and _SECRET_NAME.search(parameter.name)):
            yield Problem(
                file.path, parameter.line, CHECK, f"{parameter.name}: secrets belong into the vault"
            )
    for outer in file.expressions():
        for one in outer.walk():
            if isinstance(one, nodes.Text) and _SECRET_TEXT.search(one.fixed):
                yield Problem(file.path, one.line, CHECK, "a secret or a reference to one stands in the text")


def _present(project: Project) -> Iterator[Problem]:
    """What must exist at all, and nothing beside the roles that are on the list."""
    types = {
        (resource.type, _name(resource))
        for file in project.files.values()
        for resource in file.resources.values()
        if not resource.existing
    }
    kinds = {kind for kind, _ in types}
    for kind in (STORAGE, VAULT, SITE, INSIGHTS, ROLE):
        if kind not in kinds:
            yield Problem(MAIN, 1, CHECK, f"there is no {kind}")
    for name in ("ftp", "scm"):
        if (PUBLISHING, name) not in types:
            yield Problem(MAIN, 1, CHECK, f"publishing with a password over {name} is not switched off")
    for path in project.tree.files(FOLDER, ".bicep"):
        for role in ("Owner", "Contributor"):
            if f"'{role}'" in project.tree.text(path):
                yield Problem(path, project.tree.line_of(path, f"'{role}'"), CHECK, f"{role} is too much")
    guids = {found.group() for path in project.files for found in _GUID.finditer(project.tree.text(path))}
    for guid in sorted(guids - ROLES.keys()):
        yield Problem(MAIN, 1, CHECK, f"the id {guid} is not on the list of roles")


def _name(resource: nodes.Resource) -> str:
    name = resource.body.get("name")
    return (name.literal or "") if isinstance(name, nodes.Text) else ""

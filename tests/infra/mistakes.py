"""Mistakes to plant into the real files, each with the check that must find it."""

from dataclasses import dataclass
from typing import Final

MAIN: Final = "infra/main.bicep"
ACCESS: Final = "infra/modules/access.bicep"
ALERTS: Final = "infra/modules/alerts.bicep"
APP: Final = "infra/modules/function-app.bicep"
IDENTITY: Final = "infra/modules/identity.bicep"
LOGS: Final = "infra/modules/monitoring.bicep"
NETWORK: Final = "infra/modules/network.bicep"
ENDPOINTS: Final = "infra/modules/private-endpoints.bicep"
STORAGE: Final = "infra/modules/storage.bicep"
VAULT: Final = "infra/modules/key-vault.bicep"
WORKBOOK: Final = "infra/workbook.json"
PARAMETERS: Final = "infra/main.parameters.json"
SETTINGS: Final = "shared/settings.py"
SAMPLE: Final = "local.settings.sample.json"
DEPLOY: Final = "docs/deploy.md"
RUNBOOK: Final = "docs/runbook.md"
CI: Final = ".github/workflows/ci.yml"
RELEASE: Final = ".github/workflows/deploy.yml"


@dataclass(frozen=True, slots=True)
class Mistake:
    """``old`` becomes ``new`` in a file; the named check must say something with ``text`` in it."""

    path: str
    old: str
    new: str
    check: str
    text: str


MISTAKES: Final = (
    # Syntax, and the part of Bicep that is used.
    Mistake(STORAGE, "  kind: 'StorageV2'\n", "  kind: 'StorageV2\n", "syntax", "cannot be read"),
    Mistake(VAULT, "param recover bool", "param recover bool {", "syntax", "cannot be read"),
    Mistake(
        STORAGE, "param sku string", "type Sku = 'a' | 'b'\nparam sku string", "syntax", "types of one's own"
    ),
    Mistake(
        VAULT,
        "ipRules: isPrivate ? addressRules : []",
        "ipRules: [for a in administratorAddresses: { value: a }]",
        "syntax",
        "loop stands inside",
    ),
    Mistake(ENDPOINTS, "    links\n", "    links[i]\n", "syntax", "read as two items"),
    Mistake(IDENTITY, "param location string", "param name string", "syntax", "declared twice"),
    # Names.
    Mistake(
        STORAGE,
        "parent: queueService\n",
        "parent: queueServices\n",
        "symbol",
        "queueServices is not declared",
    ),
    Mistake(APP, "union(tags,", "merge(tags,", "symbol", "no function merge"),
    Mistake(IDENTITY, "properties.principalId", "properties.principleId", "symbol", "no property"),
    Mistake(ACCESS, "[for role in storageRoles", "[for role in storageRolls", "symbol", "storageRolls"),
    Mistake(
        ACCESS,
        "appPrincipalId, roles.keyVaultSecretsUser)",
        "appPrincipalId, roles.secrets)",
        "symbol",
        "no member",
    ),
    Mistake(MAIN, "${abbreviations.keyVault}", "${abbreviations.vault}", "symbol", "no member vault"),
    Mistake(
        MAIN,
        "param leaseSeconds int = 120",
        "param leaseSeconds int = 120\nparam idle int = 1",
        "symbol",
        "idle",
    ),
    Mistake(ENDPOINTS, "    group: 'queue'\n", "", "symbol", "an element has no group"),
    Mistake("infra/modules/workbook.bicep", "../workbook.json", "../workbooks.json", "symbol", "cannot load"),
    # Modules and parameters.
    Mistake(
        MAIN,
        "'modules/storage.bicep'",
        "'modules/storages.bicep'",
        "module",
        "no module infra/modules/storages",
    ),
    Mistake(MAIN, "    sku: storageSku\n", "", "module", "needs the parameter sku"),
    Mistake(
        MAIN, "    sku: storageSku\n", "    sku: storageSku\n    size: 1\n", "module", "no parameter size"
    ),
    Mistake(MAIN, "vault.outputs.uri", "vault.outputs.url", "module", "no output url"),
    Mistake(
        MAIN, "isPrivate: virtualNetworkEnabled", "isPrivate: storageSku", "module", "takes bool, not string"
    ),
    Mistake(MAIN, "  scope: group\n", "", "module", "no scope"),
    Mistake(
        MAIN, "@description('Whether invoices", "@metadata('Whether invoices", "parameter", "no description"
    ),
    Mistake(MAIN, "leaseSeconds int = 120", "leaseSeconds int = 10", "parameter", "default of leaseSeconds"),
    Mistake(
        MAIN, "instanceMemoryMB int = 2048", "instanceMemoryMB int = 1024", "parameter", "instanceMemoryMB"
    ),
    Mistake(MAIN, "postInvoices bool = true", "postInvoices bool = 'yes'", "parameter", "its default string"),
    # Types of resources.
    Mistake(
        STORAGE,
        "supportsHttpsTrafficOnly",
        "supportsHttpsTraficOnly",
        "resource-type",
        "supportsHttpsTraficOnly",
    ),
    Mistake(
        STORAGE, "storageAccounts@2025-01-01", "storageAccounts@2021-01-01", "resource-type", "2021-01-01"
    ),
    Mistake(STORAGE, "'TLS1_2'", "'TLS12'", "resource-type", "must be one of"),
    Mistake(MAIN, "  'Standard_GZRS'\n", "  'Standard_ZGRS'\n", "resource-type", "Standard_ZGRS"),
    Mistake(
        APP, "Microsoft.Web/serverfarms@", "Microsoft.Web/serverFarm@", "resource-type", "not in the facts"
    ),
    Mistake(APP, "reserved: true", "reserved: 'true'", "resource-type", "takes bool, not string"),
    Mistake(APP, "  name: 'appsettings'\n", "  name: 'appsetting'\n", "resource-type", "must be one of"),
    Mistake(
        APP, "    perInstanceConcurrency:", "    concurrency:", "resource-type", "no property concurrency"
    ),
    Mistake(
        APP,
        "    serverFarmId: plan.id\n",
        "    serverFarmId: plan\n    state: 'Running'\n",
        "resource-type",
        "read-only",
    ),
    Mistake(IDENTITY, "  location: location\n", "", "resource-type", "location is missing"),
    Mistake(STORAGE, "  parent: blobs\n", "  parent: account\n", "resource-type", "the parent must be"),
    Mistake(ENDPOINTS, "  parent: zones[i]\n", "", "resource-type", "has no parent"),
    Mistake(
        ACCESS,
        "    principalType: 'ServicePrincipal'",
        "    principalType: 'Service'",
        "resource-type",
        "Service",
    ),
    Mistake(NETWORK, "          delegations: [", "          delegation: [", "resource-type", "delegation"),
    Mistake(
        ALERTS,
        "          operator: 'GreaterThan'\n          threshold: 0",
        "          operator: 'Above'\n          threshold: 0",
        "resource-type",
        "Above",
    ),
    Mistake(
        ALERTS,
        "    severity: 1\n    frequency: 'PT15M'\n    window: 'PT30M'",
        "    severity: 'high'\n    frequency: 'PT15M'\n    window: 'PT30M'",
        "resource-type",
        "takes int",
    ),
    Mistake(ALERTS, "'StaticThresholdCriterion'", "'StaticCriterion'", "resource-type", ""),
    Mistake(
        ALERTS,
        "groupShortName: 'dynaconnect'",
        "groupShortName: 'dynaconnect-alerts'",
        "resource-type",
        "range",
    ),
    Mistake(
        LOGS,
        "    DisableLocalAuth: true",
        "    DisableLocalAuthentication: true",
        "resource-type",
        "DisableLocalAuthentication",
    ),
    Mistake(MAIN, "targetScope = 'subscription'", "targetScope = 'resourceGroup'", "resource-type", "scope"),
    # Rules.
    Mistake(
        STORAGE, "allowSharedKeyAccess: false", "allowSharedKeyAccess: true", "policy", "allowSharedKeyAccess"
    ),
    Mistake(STORAGE, "    allowSharedKeyAccess: false\n", "", "policy", "allowSharedKeyAccess"),
    Mistake(
        STORAGE,
        "allowSharedKeyAccess: false",
        "allowSharedKeyAccess: !isPrivate",
        "policy",
        "allowSharedKeyAccess",
    ),
    Mistake(STORAGE, "'TLS1_2'", "'TLS1_0'", "policy", "minimumTlsVersion"),
    Mistake(
        STORAGE,
        "allowBlobPublicAccess: false",
        "allowBlobPublicAccess: true",
        "policy",
        "allowBlobPublicAccess",
    ),
    Mistake(STORAGE, "publicAccess: 'None'", "publicAccess: 'Blob'", "policy", "publicAccess"),
    Mistake(STORAGE, "isPrivate ? 'Deny' : 'Allow'", "'Allow'", "policy", "must become Deny"),
    Mistake(
        VAULT,
        "enableRbacAuthorization: true",
        "enableRbacAuthorization: false",
        "policy",
        "enableRbacAuthorization",
    ),
    Mistake(
        VAULT,
        "enablePurgeProtection: true",
        "enablePurgeProtection: !recover",
        "policy",
        "enablePurgeProtection",
    ),
    Mistake(APP, "httpsOnly: true", "httpsOnly: false", "policy", "httpsOnly"),
    Mistake(APP, "ftpsState: 'Disabled'", "ftpsState: 'AllAllowed'", "policy", "ftpsState"),
    Mistake(APP, "version: '3.13'", "version: '3.12'", "policy", "version"),
    Mistake(
        APP, "'UserAssignedIdentity'", "'StorageAccountConnectionString'", "policy", "authentication.type"
    ),
    Mistake(APP, "  name: 'scm'\n", "  name: 'ftp'\n", "policy", "over scm"),
    Mistake(LOGS, "disableLocalAuth: true", "disableLocalAuth: false", "policy", "disableLocalAuth"),
    Mistake(
        ACCESS,
        "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
        "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
        "policy",
        "not on the list",
    ),
    Mistake(
        ACCESS, "  scope: vault\n", "  scope: account\n", "policy", "not on the list for Microsoft.Storage"
    ),
    Mistake(ACCESS, "  scope: insights\n", "", "policy", "one resource as scope"),
    Mistake(IDENTITY, "  tags: tags\n", "", "policy", "no tags"),
    Mistake(IDENTITY, "  location: location\n", "  location: 'westeurope'\n", "policy", "location must be"),
    Mistake(
        STORAGE,
        "output name string = account.name",
        "output accountKey string = account.name",
        "policy",
        "looks like a secret",
    ),
    Mistake(STORAGE, "= account.id\n", "= account.listKeys().keys[0].value\n", "symbol", "upon a value"),
    Mistake(
        STORAGE,
        "= account.id\n",
        "= string(listKeys(account.id, '2025-01-01'))\n",
        "symbol",
        "reads a secret",
    ),
    Mistake(
        APP,
        "param storageName string",
        "param storageName string\n\n@description('x')\n@secure()\nparam clientSecret string",
        "policy",
        "belong into the vault",
    ),
    # Settings.
    Mistake(APP, "    KEY_VAULT_URL: vaultUri\n", "", "settings", "KEY_VAULT_URL"),
    Mistake(
        APP,
        "    CONNECTWISE_COMPANY:",
        "    CONNECT_WISE_COMPANY:",
        "settings",
        "nothing reads CONNECT_WISE_COMPANY",
    ),
    Mistake(
        APP, "    PUBLIC_URL:", "    CONNECTWISE_PRIVATE_KEY: 'x'\n    PUBLIC_URL:", "settings", "is a secret"
    ),
    Mistake(
        APP, "    PUBLIC_URL:", "    AzureWebJobsStorage: 'x'\n    PUBLIC_URL:", "settings", "is a secret"
    ),
    Mistake(
        APP, "    PUBLIC_URL:", "    FUNCTIONS_WORKER_RUNTIME: 'python'\n    PUBLIC_URL:", "settings", "Flex"
    ),
    Mistake(
        APP,
        "    PUBLIC_URL:",
        "    BUSINESS_CENTRAL_AUTHORITY: 'x'\n    PUBLIC_URL:",
        "settings",
        "local work",
    ),
    Mistake(
        APP,
        "    AzureWebJobsStorage__credential: 'managedidentity'\n",
        "",
        "settings",
        "__credential is not set",
    ),
    Mistake(
        SETTINGS,
        'reader.url("PUBLIC_URL")',
        'reader.url("PUBLIC_ADDRESS")',
        "settings",
        "reads PUBLIC_ADDRESS",
    ),
    Mistake(SAMPLE, '    "CONNECTWISE_COMPANY": "acme",\n', "", "settings", "CONNECTWISE_COMPANY is missing"),
    Mistake(SAMPLE, '"IsEncrypted": false,', '"IsEncrypted": false', "settings", "is not JSON"),
    Mistake(SAMPLE, '"public"', '"Xk29sLmQpR"', "settings", "not what the sandbox uses"),
    Mistake(
        SAMPLE,
        "http://127.0.0.1:7002",
        "https://api.businesscentral.dynamics.com",
        "settings",
        "leaves this machine",
    ),
    Mistake(SAMPLE, "UseDevelopmentStorage=true", "AccountName=a;AccountKey=b", "settings", "storage key"),
    Mistake(DEPLOY, "| `KEY_VAULT_URL` |", "| `VAULT_URL` |", "settings", "lacks KEY_VAULT_URL"),
    Mistake(DEPLOY, "`business-central-password`", "`bc-password`", "settings", "business-central-password"),
    Mistake(
        "shared/app.py",
        "import os\n",
        'import os\nX = os.environ.get("X")\n',
        "settings",
        "read in shared/settings.py only",
    ),
    Mistake(
        "shared/triggers/timers.py",
        '"sweep_payments"',
        '"sweep_ledger"',
        "settings",
        "AzureWebJobs_sweep_ledger_Disabled",
    ),
    Mistake(
        APP,
        "    KEY_VAULT_URL: vaultUri\n",
        "    KEY_VAULT_URL: vaultUri\n    WEBSITE_AUTH_ENABLED: 'true'\n",
        "settings",
        "nothing reads WEBSITE_AUTH_ENABLED",
    ),
    Mistake(APP, "flask,httpx,httpx2", "flask,httpx2", "settings", "lets httpx trace whole addresses"),
    Mistake(
        "shared/adapters/telemetry.py",
        "from dataclasses import dataclass, field\n",
        "from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor\n",
        "settings",
        "nothing may trace calls by itself",
    ),
    # Queues, tables, alerts.
    Mistake(
        ALERTS, "      let opens = 8;", "      let opens = 7;", "alerts", "'opens = 8' is to be replaced"
    ),
    Mistake(STORAGE, "  'dynaconnect-sweep-poison'\n", "", "storage-names", "is not deployed"),
    Mistake(STORAGE, "'dynaconnectstate'", "'dynaconnectstates'", "storage-names", "used by nothing"),
    Mistake(ALERTS, "'dynaconnect.given_up'", "'dynaconnect.lost'", "alerts", "is no figure"),
    Mistake(ALERTS, "customDimensions.status)", "customDimensions.code)", "alerts", "is split by code"),
    Mistake(ALERTS, "'DynaConnect cannot start'", "'DynaConnect does not start'", "alerts", "nothing logs"),
    Mistake(
        ALERTS,
        "      customMetrics\n      | where name == 'dynaconnect.failures'",
        "      AppMetrics\n      | where name == 'dynaconnect.failures'",
        "alerts",
        "AppMetrics",
    ),
    Mistake(ALERTS, "name: 'hooks-slow'", "name: 'hooks-late'", "alerts", "no section hooks-late"),
    Mistake(RUNBOOK, "## hooks-slow", "## hooks-late", "alerts", "no alert hooks-late"),
    Mistake(RUNBOOK, "**Fix.** A first load", "A first load", "alerts", "lacks **Fix.**"),
    Mistake(WORKBOOK, "'dynaconnect.poisoned'", "'dynaconnect.poison'", "alerts", "is no figure"),
    Mistake(
        "shared/ports/metrics.py",
        '"dynaconnect.open.age"',
        '"dynaconnect.age"',
        "alerts",
        "dynaconnect.open.age, which is no figure",
    ),
    # What goes with it.
    Mistake(PARAMETERS, '"connectWiseUrl"', '"connectwiseUrl"', "packaging", "no parameter connectwiseUrl"),
    Mistake(
        PARAMETERS,
        "${STORAGE_SKU=Standard_ZRS}",
        "${STORAGE_SKU=Standard_LRS}",
        "packaging",
        "another default",
    ),
    Mistake(PARAMETERS, "${ALERT_EMAIL=}", "ops@example.com", "packaging", "environment variable"),
    Mistake(
        "infra/abbreviations.json", '"keyVault"', '"redis": "redis-",\n  "keyVault"', "packaging", "redis"
    ),
    Mistake("azure.yaml", "  functions:", "  function:", "packaging", "service function"),
    Mistake("azure.yaml", "module: main", "module: mains", "packaging", "names no Bicep file"),
    Mistake(".funcignore", "tests\n", "test\n", "packaging", "tests would be deployed"),
    Mistake(".funcignore", "tests\n", "tests\nmapping\n", "packaging", "from being deployed"),
    Mistake(".vscode/tasks.json", "make check", "make checks", "packaging", "no make target checks"),
    Mistake(".vscode/tasks.json", '["azurite"]', '["storage"]', "packaging", "no task storage"),
    Mistake(
        ".vscode/launch.json", '"sandbox.serve"', '"sandbox.served"', "packaging", "no module sandbox.served"
    ),
    # Workflows.
    Mistake(CI, "contents: read", "contents: write", "workflow", "permissions must be"),
    Mistake(CI, "    timeout-minutes: 30\n", "", "workflow", "no timeout"),
    Mistake(CI, "actions/checkout@v6", "actions/checkout@main", "workflow", "not pinned"),
    Mistake(CI, ".ci/run", ".ci/start", "workflow", "there is no .ci/start"),
    Mistake(CI, "jobs:", "jobs: [", "workflow", "is not YAML"),
    Mistake(
        RELEASE, "${{ vars.ALERT_EMAIL }}", "${{ secrets.ALERT_EMAIL }}", "workflow", "no secret is needed"
    ),
    Mistake(
        RELEASE,
        "      ALERT_EMAIL: ${{ vars.ALERT_EMAIL }}\n",
        "",
        "workflow",
        "ALERT_EMAIL is not passed on",
    ),
    Mistake(
        RELEASE, "azd deploy --no-prompt", "azd deploy ${{ inputs.environment }}", "workflow", "into a shell"
    ),
    Mistake(RELEASE, "run: make check-infra", "run: make check", "workflow", "nothing runs make check-infra"),
    Mistake(
        RELEASE, "run: azd provision --no-prompt", "run: azd deploy", "workflow", "nothing runs azd provision"
    ),
    Mistake(CI, "run: make test-infra", "run: make test", "workflow", "nothing runs make test-infra"),
    Mistake(RELEASE, "persist-credentials: false", "persist-credentials: true", "workflow", "credentials"),
)

SIGN_IN: Final = "infra/modules/sign-in.bicep"

TOOL_MISTAKES: Final = (
    # Planted together, one run for each tool.
    Mistake(VAULT, "enablePurgeProtection: true", "enablePurgeProtection: false", "checkov", "CKV_AZURE_110"),
    Mistake(APP, "httpsOnly: true", "httpsOnly: false", "checkov", "CKV_AZURE_14"),
    Mistake(APP, "minTlsVersion: '1.2'", "minTlsVersion: '1.0'", "checkov", "CKV_AZURE_15"),
    Mistake(APP, "ftpsState: 'Disabled'", "ftpsState: 'AllAllowed'", "checkov", "CKV_AZURE_78"),
    Mistake(
        VAULT,
        "publicNetworkAccess: publicAccess",
        "publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'",
        "checkov",
        "a check crashed",
    ),
    Mistake(
        STORAGE,
        "param sku string",
        "func twice(n int) int => n * 2\nparam sku string",
        "checkov",
        "cannot be parsed",
    ),
    Mistake(
        SIGN_IN,
        "resource signIn 'Microsoft.Web/sites/config@2024-11-01' = {",
        "resource signIn 'Microsoft.Web/sites/config@2024-11-01' = if (!empty(tenant)) {",
        "checkov",
        "passes over something",
    ),
    Mistake(
        "requirements.txt",
        "azure-functions==2.3.0\n",
        "azure-functions-worker==1.1.9\n",
        "doctor",
        "azure-functions-worker",
    ),
    Mistake("host.json", '"extensionBundle"', '"bundle"', "doctor", "check_extension_bundle"),
    Mistake(APP, "http20Enabled: true", "linuxFxVersion: 'Python|3.13'", "doctor", "linuxFxVersion"),
)

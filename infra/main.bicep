targetScope = 'subscription'

// ---------------------------------------------------------------------------------------------- environment

@description('Name of the environment, such as prod or test; it names the resource group and marks every resource.')
@minLength(1)
@maxLength(64)
param environmentName string

@description('Azure region of every resource. It must offer the Flex Consumption plan.')
@minLength(1)
param location string

@description('Resource group to make or use; empty makes one that is named after the environment.')
param resourceGroupName string = ''

@description('Object id of the person or pipeline that may write secrets into the vault; empty gives nobody that right.')
param principalId string = ''

@description('Kind of that principal.')
@allowed([
  'User'
  'Group'
  'ServicePrincipal'
])
param principalType string = 'User'

// ------------------------------------------------------------------------------------------------ connection

@description('Base address of the ConnectWise REST API, such as https://api-na.myconnectwise.net/v4_6_release/apis/3.0.')
@minLength(8)
param connectWiseUrl string

@description('ConnectWise company id, as it is used to sign in.')
@minLength(1)
param connectWiseCompany string

@description('ConnectWise client id of this integration. It is sent with each call and is no secret.')
@minLength(1)
param connectWiseClientId string

@description('Base address of the Business Central environment, up to but without /api.')
@minLength(8)
param businessCentralUrl string

@description('Id or name of the company in Business Central.')
@minLength(1)
param businessCentralCompany string

@description('How the app signs in to Business Central; managed_identity needs no secret.')
@allowed([
  'managed_identity'
  'certificate'
  'client_secret'
  'basic'
])
param businessCentralAuth string = 'managed_identity'

@description('Entra tenant of Business Central; needed for every way to sign in but basic.')
param businessCentralTenant string = ''

@description('Client id of the app registration for Business Central; needed for every way to sign in but basic.')
param businessCentralClientId string = ''

@description('User name for basic, which only Business Central on-premises accepts.')
param businessCentralUsername string = ''

@description('Seconds for which one worker holds a record before another may take it over.')
@minValue(30)
@maxValue(600)
param leaseSeconds int = 120

@description('Seconds for which a system may go on with a write after whoever waited for it is gone. More only where an on-premises Business Central lets operations run for longer.')
@minValue(600)
@maxValue(86400)
param operationSeconds int = 600

@description('Months for which attempts and results of reconciliations are kept, beside the month that runs.')
@minValue(1)
@maxValue(120)
param historyMonths int = 12

@description('Months for which it is kept who did what, beside the month that runs.')
@minValue(1)
@maxValue(120)
param auditMonths int = 24

@description('Whether timers run, and with them all work that nobody asks for. Off until the first sync was looked at: the first sweep sends everything.')
param timersEnabled bool = false

@description('Whether invoices are posted in Business Central; false leaves them there as drafts.')
param postInvoices bool = true

// -------------------------------------------------------------------------------------------------- sign-in

@description('Client id of the app registration that people sign in with; empty leaves the app to function keys alone.')
param signInClientId string = ''

@description('Tenant whose people sign in; empty means the tenant of the subscription.')
param signInTenant string = ''

// ----------------------------------------------------------------------------------------------------- size

@description('Memory of one instance in MB.')
@allowed([
  512
  2048
  4096
])
param instanceMemoryMB int = 2048

@description('Most instances at a time. Each instance calls Business Central, which limits calls per user.')
@minValue(40)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('HTTP requests that one instance handles at a time.')
@minValue(1)
@maxValue(1000)
param httpConcurrency int = 16

@description('Instances that are always warm for HTTP. ConnectWise waits 5 seconds for an answer and does not repeat after a timeout; 0 saves money and leaves what is missed to the next sweep.')
@minValue(0)
@maxValue(20)
param alwaysReadyHttpInstances int = 1

@description('Replication of the storage account, which holds the links between both systems.')
@allowed([
  'Standard_ZRS'
  'Standard_LRS'
  'Standard_GZRS'
  'Standard_GRS'
])
param storageSku string = 'Standard_ZRS'

// ------------------------------------------------------------------------------------------ network and vault

@description('Puts storage and vault behind private endpoints and sends what the app calls through a virtual network.')
param virtualNetworkEnabled bool = false

@description('Address range of the subnet that the app\'s calls leave through; a /25 is enough for 40 instances.')
param functionSubnetPrefix string = '10.40.0.0/25'

@description('Address range of the subnet of the private endpoints, at least a /28.')
param endpointSubnetPrefix string = '10.40.0.128/27'

@description('Public addresses, single or as a range, that may still reach the vault when the virtual network is on.')
param administratorAddresses array = []

@description('Recovers the vault of an environment that was deleted less than 90 days ago, instead of making one.')
param recoverKeyVault bool = false

// ----------------------------------------------------------------------------------------------- observation

@description('Address that alerts are sent to; empty sends none, the alerts still show in the portal.')
param alertEmail string = ''

@description('Address of the runbook that alerts name, such as that of docs/runbook.md in your repository.')
@minLength(1)
param runbookUrl string = 'docs/runbook.md'

@description('Whether the alerts are on.')
param alertsEnabled bool = true

@description('Hour at which working time begins, UTC. Silence of both systems is told in working time only.')
@minValue(0)
@maxValue(20)
param workOpens int = 8

@description('Hour at which working time ends, UTC; at least five after it begins.')
@minValue(5)
@maxValue(24)
param workCloses int = 17

@description('First day of the working week, from 0 for Sunday.')
@minValue(0)
@maxValue(6)
param workFirstDay int = 1

@description('Last day of the working week, from 0 for Sunday.')
@minValue(0)
@maxValue(6)
param workLastDay int = 5

@description('Days for which logs are kept.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 90

@description('Most gigabytes of logs a day. A day with more is logged in part and alerts are blind for the rest of it.')
@minValue(1)
@maxValue(100)
param logDailyCapGb int = 5

@description('Part of the traces that are kept, from 0.0 to 1.0; a trace is kept whole or not at all. Figures and log lines, and with them the alerts, do not depend on it.')
@minLength(3)
@maxLength(5)
param traceRatio string = '1.0'

var abbreviations = loadJsonContent('abbreviations.json')
var token = toLower(uniqueString(subscription().id, environmentName, location))
var tags = {
  'azd-env-name': environmentName
  application: 'dynaconnect'
}

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: empty(resourceGroupName) ? '${abbreviations.resourceGroup}dynaconnect-${environmentName}' : resourceGroupName
  location: location
  tags: tags
}

module identity 'modules/identity.bicep' = {
  name: 'identity'
  scope: group
  params: {
    name: '${abbreviations.managedIdentity}${token}'
    location: location
    tags: tags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    workspaceName: '${abbreviations.logWorkspace}${token}'
    insightsName: '${abbreviations.applicationInsights}${token}'
    location: location
    tags: tags
    retentionDays: logRetentionDays
    dailyCapGb: logDailyCapGb
  }
}

module network 'modules/network.bicep' = if (virtualNetworkEnabled) {
  name: 'network'
  scope: group
  params: {
    name: '${abbreviations.virtualNetwork}${token}'
    location: location
    tags: tags
    functionSubnetPrefix: functionSubnetPrefix
    endpointSubnetPrefix: endpointSubnetPrefix
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  scope: group
  params: {
    name: '${abbreviations.storageAccount}${token}'
    location: location
    tags: tags
    sku: storageSku
    isPrivate: virtualNetworkEnabled
  }
}

module vault 'modules/key-vault.bicep' = {
  name: 'key-vault'
  scope: group
  params: {
    name: '${abbreviations.keyVault}${token}'
    location: location
    tags: tags
    isPrivate: virtualNetworkEnabled
    publicAccess: virtualNetworkEnabled && empty(administratorAddresses) ? 'Disabled' : 'Enabled'
    administratorAddresses: administratorAddresses
    recover: recoverKeyVault
  }
}

module endpoints 'modules/private-endpoints.bicep' = if (virtualNetworkEnabled) {
  name: 'private-endpoints'
  scope: group
  params: {
    namePrefix: '${abbreviations.privateEndpoint}${token}'
    location: location
    tags: tags
    networkId: virtualNetworkEnabled ? network.outputs.id : ''
    subnetId: virtualNetworkEnabled ? network.outputs.endpointSubnetId : ''
    storageId: storage.outputs.id
    vaultId: vault.outputs.id
  }
}

module access 'modules/access.bicep' = {
  name: 'access'
  scope: group
  params: {
    storageName: storage.outputs.name
    vaultName: vault.outputs.name
    insightsName: monitoring.outputs.insightsName
    appPrincipalId: identity.outputs.principalId
    operatorPrincipalId: principalId
    operatorPrincipalType: principalType
  }
}

module functions 'modules/function-app.bicep' = {
  name: 'function-app'
  scope: group
  params: {
    name: '${abbreviations.functionApp}${token}'
    planName: '${abbreviations.hostingPlan}${token}'
    location: location
    tags: tags
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    storageName: storage.outputs.name
    deploymentContainerUrl: storage.outputs.deploymentContainerUrl
    vaultUri: vault.outputs.uri
    insightsConnectionString: monitoring.outputs.insightsConnectionString
    subnetId: virtualNetworkEnabled ? network.outputs.functionSubnetId : ''
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    httpConcurrency: httpConcurrency
    alwaysReadyHttpInstances: alwaysReadyHttpInstances
    connectWiseUrl: connectWiseUrl
    connectWiseCompany: connectWiseCompany
    connectWiseClientId: connectWiseClientId
    businessCentralUrl: businessCentralUrl
    businessCentralCompany: businessCentralCompany
    businessCentralAuth: businessCentralAuth
    businessCentralTenant: businessCentralTenant
    businessCentralClientId: businessCentralClientId
    businessCentralUsername: businessCentralUsername
    leaseSeconds: leaseSeconds
    operationSeconds: operationSeconds
    historyMonths: historyMonths
    auditMonths: auditMonths
    postInvoices: postInvoices
    timersEnabled: timersEnabled
    traceRatio: traceRatio
    signInClientId: signInClientId
    signInTenant: empty(signInTenant) ? tenant().tenantId : signInTenant
  }
  // The host reads its storage as soon as it starts, so the roles and the way to the storage come first.
  dependsOn: [
    access
    endpoints
  ]
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  scope: group
  params: {
    actionGroupName: '${abbreviations.actionGroup}${token}'
    location: location
    tags: tags
    insightsId: monitoring.outputs.insightsId
    storageId: storage.outputs.id
    runbookUrl: runbookUrl
    email: alertEmail
    isEnabled: alertsEnabled
    timersEnabled: timersEnabled
    workOpens: workOpens
    workCloses: workCloses
    workFirstDay: workFirstDay
    workLastDay: workLastDay
  }
}

module workbook 'modules/workbook.bicep' = {
  name: 'workbook'
  scope: group
  params: {
    location: location
    tags: tags
    insightsId: monitoring.outputs.insightsId
  }
}

@description('Region of the resources.')
output AZURE_LOCATION string = location

@description('Tenant of the subscription.')
output AZURE_TENANT_ID string = tenant().tenantId

@description('Resource group that holds everything.')
output AZURE_RESOURCE_GROUP string = group.name

@description('Name of the function app.')
output AZURE_FUNCTION_NAME string = functions.outputs.name

@description('Public address of the app, which both systems call.')
output AZURE_FUNCTION_URL string = functions.outputs.url

@description('Name of the vault that the secrets go into.')
output AZURE_KEY_VAULT_NAME string = vault.outputs.name

@description('Name of the storage account.')
output AZURE_STORAGE_ACCOUNT_NAME string = storage.outputs.name

@description('Client id of the app\'s identity.')
output AZURE_IDENTITY_CLIENT_ID string = identity.outputs.clientId

@description('Object id of the app\'s identity: the subject of the federated credential.')
output AZURE_IDENTITY_PRINCIPAL_ID string = identity.outputs.principalId

@description('Name of the Application Insights resource.')
output AZURE_APPLICATION_INSIGHTS_NAME string = monitoring.outputs.insightsName

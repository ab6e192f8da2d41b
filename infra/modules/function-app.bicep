// The function app on its own Flex Consumption plan, and everything that it reads from its settings.

@description('Name of the app.')
param name string

@description('Name of the plan.')
param planName string

@description('Region.')
param location string

@description('Tags of every resource.')
param tags object

@description('Resource id of the app\'s identity.')
param identityId string

@description('Client id of the app\'s identity.')
param identityClientId string

@description('Name of the storage account.')
param storageName string

@description('Address of the container that packages are deployed from.')
param deploymentContainerUrl string

@description('Address of the vault.')
param vaultUri string

@description('Where telemetry is sent.')
param insightsConnectionString string

@description('Subnet that the app\'s calls leave through; empty for none.')
param subnetId string

@description('Memory of one instance in MB.')
param instanceMemoryMB int

@description('Most instances at a time.')
param maximumInstanceCount int

@description('HTTP requests that one instance handles at a time.')
param httpConcurrency int

@description('Instances that are always warm for HTTP.')
param alwaysReadyHttpInstances int

@description('Base address of the ConnectWise REST API.')
param connectWiseUrl string

@description('ConnectWise company id.')
param connectWiseCompany string

@description('ConnectWise client id.')
param connectWiseClientId string

@description('Base address of the Business Central environment.')
param businessCentralUrl string

@description('Company in Business Central.')
param businessCentralCompany string

@description('How the app signs in to Business Central.')
param businessCentralAuth string

@description('Tenant of Business Central.')
param businessCentralTenant string

@description('Client id of the app registration.')
param businessCentralClientId string

@description('User name for basic.')
param businessCentralUsername string

@description('Seconds for which one worker holds a record.')
param leaseSeconds int

@description('Seconds for which a system may go on with a write after whoever waited for it is gone.')
param operationSeconds int

@description('Months for which attempts and results of reconciliations are kept.')
param historyMonths int

@description('Months for which it is kept who did what.')
param auditMonths int

@description('Whether invoices are posted.')
param postInvoices bool

@description('Whether timers run.')
param timersEnabled bool

@description('Part of the traces that are kept, from 0.0 to 1.0. Figures and log lines are always kept.')
param traceRatio string

@description('Client id of the app registration that people sign in with; empty where nobody signs in.')
param signInClientId string

@description('Tenant whose people sign in.')
param signInTenant string

var timersDisabled = timersEnabled ? 'false' : 'true'

resource plan 'Microsoft.Web/serverfarms@2024-11-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
  }
}

resource app 'Microsoft.Web/sites@2024-11-01' = {
  name: name
  location: location
  tags: union(tags, {
    'azd-service-name': 'functions'
  })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    keyVaultReferenceIdentity: identityId
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: deploymentContainerUrl
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: {
        name: 'python'
        version: '3.13'
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
        alwaysReady: alwaysReadyHttpInstances == 0 ? [] : [
          {
            name: 'http'
            instanceCount: alwaysReadyHttpInstances
          }
        ]
        triggers: {
          http: {
            perInstanceConcurrency: httpConcurrency
          }
        }
      }
    }
    siteConfig: {
      ftpsState: 'Disabled'
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      http20Enabled: true
    }
  }
}

resource settings 'Microsoft.Web/sites/config@2024-11-01' = {
  parent: app
  name: 'appsettings'
  properties: {
    APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
    APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnectionString
    AZURE_CLIENT_ID: identityClientId
    APPLICATIONINSIGHTS_OPENTELEMETRY_RESOURCE_METRIC_DISABLED: 'true'
    APPLICATIONINSIGHTS_SDKSTATS_DISABLED: 'true'
    APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL: 'true'
    AzureWebJobs_catch_up_Disabled: timersDisabled
    AzureWebJobs_keep_hooks_Disabled: timersDisabled
    AzureWebJobs_reconcile_Disabled: timersDisabled
    AzureWebJobs_sweep_payments_Disabled: timersDisabled
    AzureWebJobs_tidy_Disabled: timersDisabled
    AzureWebJobsStorage__accountName: storageName
    AzureWebJobsStorage__clientId: identityClientId
    AzureWebJobsStorage__credential: 'managedidentity'
    BUSINESS_CENTRAL_AUTH: businessCentralAuth
    BUSINESS_CENTRAL_CLIENT_ID: businessCentralClientId
    BUSINESS_CENTRAL_COMPANY: businessCentralCompany
    BUSINESS_CENTRAL_TENANT: businessCentralTenant
    BUSINESS_CENTRAL_URL: businessCentralUrl
    BUSINESS_CENTRAL_USERNAME: businessCentralUsername
    CONNECTWISE_CLIENT_ID: connectWiseClientId
    CONNECTWISE_COMPANY: connectWiseCompany
    CONNECTWISE_URL: connectWiseUrl
    DYNACONNECT_AUDIT_MONTHS: string(auditMonths)
    DYNACONNECT_HISTORY_MONTHS: string(historyMonths)
    DYNACONNECT_LEASE_SECONDS: string(leaseSeconds)
    DYNACONNECT_OPERATION_SECONDS: string(operationSeconds)
    DYNACONNECT_POST_INVOICES: postInvoices ? 'true' : 'false'
    KEY_VAULT_URL: vaultUri
    OTEL_PYTHON_DISABLED_INSTRUMENTATIONS: 'azure_sdk,django,fastapi,flask,httpx,httpx2,psycopg2,requests,urllib,urllib3'
    OTEL_TRACES_SAMPLER: 'trace_id_ratio'
    OTEL_TRACES_SAMPLER_ARG: traceRatio
    OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID: identityClientId
    PUBLIC_URL: 'https://${app.properties.defaultHostName}'
    PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY: 'true'
    PYTHON_APPLICATIONINSIGHTS_LOGGER_NAME: 'dynaconnect'
  }
}

// In a file of its own, because a resource with a condition is passed over by checkers.
module signIn 'sign-in.bicep' = if (!empty(signInClientId)) {
  name: 'sign-in'
  params: {
    appName: app.name
    clientId: signInClientId
    tenant: signInTenant
  }
}

resource noFtpPassword 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-11-01' = {
  parent: app
  name: 'ftp'
  properties: {
    allow: false
  }
}

resource noScmPassword 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-11-01' = {
  parent: app
  name: 'scm'
  properties: {
    allow: false
  }
}

@description('Name of the app.')
output name string = app.name

@description('Public address of the app.')
output url string = 'https://${app.properties.defaultHostName}'

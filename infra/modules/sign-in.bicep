// People sign in through App Service Authentication, by the identity and without a client secret.

@description('Name of the app.')
param appName string

@description('Client id of the app registration that people sign in with.')
param clientId string

@description('Tenant whose people sign in.')
param tenant string

resource app 'Microsoft.Web/sites@2024-11-01' existing = {
  name: appName
}

// Senders of hooks cannot sign in, so nobody is turned away here; the routes for people ask for a principal and a role.
resource signIn 'Microsoft.Web/sites/config@2024-11-01' = {
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: {
      enabled: true
      runtimeVersion: '~1'
    }
    globalValidation: {
      requireAuthentication: false
      unauthenticatedClientAction: 'AllowAnonymous'
    }
    httpSettings: {
      requireHttps: true
    }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          clientId: clientId
          // The identity's own token stands in for a client secret; the registration trusts it.
          clientSecretSettingName: 'OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID'
          openIdIssuer: '${environment().authentication.loginEndpoint}${tenant}/v2.0'
        }
        validation: {
          allowedAudiences: [
            clientId
            'api://${clientId}'
          ]
        }
      }
    }
    login: {
      tokenStore: {
        enabled: false
      }
    }
  }
}

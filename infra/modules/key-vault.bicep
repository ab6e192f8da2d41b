// The vault with the credentials of both systems. Access is by role only, and nothing in it can be purged early.

@description('Name of the vault.')
@minLength(3)
@maxLength(24)
param name string

@description('Region.')
param location string

@description('Tags of every resource.')
param tags object

@description('Whether only private endpoints, and the administrators\' addresses, reach the vault.')
param isPrivate bool

// Chosen by the caller: checkers cannot judge a choice inside of the resource.
@description('Whether the vault answers to public addresses at all.')
@allowed([
  'Enabled'
  'Disabled'
])
param publicAccess string

@description('Public addresses that stay allowed when the vault is private.')
param administratorAddresses array

@description('Whether a deleted vault of this name is recovered.')
param recover bool

var addressRules = [for address in administratorAddresses: {
  value: address
}]

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: subscription().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    createMode: recover ? 'recover' : 'default'
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    enablePurgeProtection: true
    publicNetworkAccess: publicAccess
    networkAcls: {
      bypass: 'None'
      defaultAction: isPrivate ? 'Deny' : 'Allow'
      ipRules: isPrivate ? addressRules : []
    }
  }
}

@description('Resource id.')
output id string = vault.id

@description('Name.')
output name string = vault.name

@description('Address, from which the app reads its secrets.')
output uri string = vault.properties.vaultUri

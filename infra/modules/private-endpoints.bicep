// One private endpoint, with its name resolution, for each service that the app calls inside Azure.

@description('Start of every endpoint\'s name.')
param namePrefix string

@description('Region.')
param location string

@description('Tags of every resource.')
param tags object

@description('Network whose members resolve the private names.')
param networkId string

@description('Subnet of the endpoints.')
param subnetId string

@description('Storage account.')
param storageId string

@description('Vault.')
param vaultId string

var storageSuffix = environment().suffixes.storage
var services = [
  {
    group: 'blob'
    zone: 'privatelink.blob.${storageSuffix}'
    target: storageId
  }
  {
    group: 'queue'
    zone: 'privatelink.queue.${storageSuffix}'
    target: storageId
  }
  {
    group: 'table'
    zone: 'privatelink.table.${storageSuffix}'
    target: storageId
  }
  {
    group: 'vault'
    zone: 'privatelink.vaultcore.azure.net'
    target: vaultId
  }
]

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [for service in services: {
  name: service.zone
  location: 'global'
  tags: tags
}]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [for (service, i) in services: {
  parent: zones[i]
  name: 'dynaconnect'
  location: 'global'
  tags: tags
  properties: {
    registrationEnabled: false
    virtualNetwork: {
      id: networkId
    }
  }
}]

resource endpoints 'Microsoft.Network/privateEndpoints@2024-07-01' = [for service in services: {
  name: '${namePrefix}-${service.group}'
  location: location
  tags: tags
  properties: {
    subnet: {
      id: subnetId
    }
    privateLinkServiceConnections: [
      {
        name: service.group
        properties: {
          privateLinkServiceId: service.target
          groupIds: [
            service.group
          ]
        }
      }
    ]
  }
}]

resource records 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-07-01' = [for (service, i) in services: {
  parent: endpoints[i]
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [
      {
        name: service.group
        properties: {
          privateDnsZoneId: zones[i].id
        }
      }
    ]
  }
  dependsOn: [
    links
  ]
}]

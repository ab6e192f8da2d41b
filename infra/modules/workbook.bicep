// The page in the portal that shows how the app is doing, from what the Functions host logs.

@description('Region.')
param location string

@description('Tags of every resource.')
param tags object

@description('Application Insights that the page reads.')
param insightsId string

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(insightsId, 'dynaconnect')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'DynaConnect'
    category: 'workbook'
    sourceId: insightsId
    serializedData: loadTextContent('../workbook.json')
  }
}

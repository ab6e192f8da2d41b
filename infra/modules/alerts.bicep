// What is watched, and whom it reaches. Each rule has a section of its name in docs/runbook.md.
// The queries read what the Functions host logs by itself: requests are runs of functions, traces are log lines.

@description('Name of the action group.')
param actionGroupName string

@description('Region, the same as that of the logs.')
param location string

@description('Tags of every resource.')
param tags object

@description('Application Insights that the queries read.')
param insightsId string

@description('Storage account whose queues are watched.')
param storageId string

@description('Address that alerts are sent to; empty for none.')
param email string

@description('Whether the rules are on.')
param isEnabled bool

@description('Whether timers run; without them the rules that expect their runs are off.')
param timersEnabled bool

// A query returns one row for each thing that is wrong; more rows than the threshold raise the alert.
var rules = [
  {
    name: 'sync-silent'
    text: 'A function that must run every five minutes has not run for half an hour.'
    severity: 1
    frequency: 'PT15M'
    window: 'PT30M'
    threshold: 0
    expectsTimers: true
    query: '''
      let expected = datatable(name: string)['catch_up', 'sweep_payments', 'sweep'];
      expected
      | join kind=leftouter (requests | where success == true | summarize runs = count() by name) on name
      | where isnull(runs)
    '''
  }
  {
    name: 'hooks-not-kept'
    text: 'Callbacks and subscriptions have not been looked after for thirteen hours; they end after three days.'
    severity: 2
    frequency: 'PT1H'
    window: 'P1D'
    threshold: 0
    expectsTimers: true
    query: '''
      requests
      | where timestamp > ago(13h) and name == 'keep_hooks' and success == true
      | summarize runs = count()
      | where runs == 0
    '''
  }
  {
    name: 'functions-fail'
    text: 'Functions end with an exception.'
    severity: 2
    frequency: 'PT15M'
    window: 'PT15M'
    threshold: 5
    expectsTimers: false
    query: '''
      requests
      | where success == false
      | where name in ('sync_record', 'sweep', 'sync_record_poison', 'sweep_poison', 'catch_up', 'sweep_payments', 'keep_hooks')
    '''
  }
  {
    name: 'messages-crash'
    text: 'Messages failed five times and were set aside; they are tried again three times.'
    severity: 2
    frequency: 'PT15M'
    window: 'PT15M'
    threshold: 0
    expectsTimers: false
    query: '''
      requests
      | where name in ('sync_record_poison', 'sweep_poison')
    '''
  }
  {
    name: 'messages-given-up'
    text: 'A message was given up and waits for a person in the work list.'
    severity: 1
    frequency: 'PT15M'
    window: 'PT15M'
    threshold: 0
    expectsTimers: false
    query: '''
      traces
      | where message startswith 'a message was given up'
    '''
  }
  {
    name: 'sweeps-fail'
    text: 'Sweeps go back to the queue again and again: one of the two systems, the login service or the vault refuses or is away.'
    severity: 2
    frequency: 'PT15M'
    window: 'PT1H'
    threshold: 10
    expectsTimers: false
    query: '''
      traces
      | where message startswith 'sweep of ' and message has 'goes back to the queue'
    '''
  }
  {
    name: 'records-unexpected'
    text: 'Records fail in a way that the app does not know.'
    severity: 2
    frequency: 'PT15M'
    window: 'PT15M'
    threshold: 0
    expectsTimers: false
    query: '''
      traces
      | where message has 'failed unexpectedly'
    '''
  }
  {
    name: 'records-held'
    text: 'Records are held and wait for a person.'
    severity: 3
    frequency: 'PT1H'
    window: 'PT1H'
    threshold: 0
    expectsTimers: false
    query: '''
      traces
      | where message contains ': held '
    '''
  }
  {
    name: 'hooks-unanswered'
    text: 'Deliveries of ConnectWise or Business Central could not be taken.'
    severity: 2
    frequency: 'PT15M'
    window: 'PT15M'
    threshold: 5
    expectsTimers: false
    query: '''
      requests
      | where name in ('connectwise_hook', 'business_central_hook')
      | where toint(resultCode) == 429 or toint(resultCode) >= 500 or success == false
    '''
  }
  {
    name: 'hooks-slow'
    text: 'Deliveries take longer than the five seconds that ConnectWise waits.'
    severity: 3
    frequency: 'PT15M'
    window: 'PT15M'
    threshold: 5
    expectsTimers: false
    query: '''
      requests
      | where name in ('connectwise_hook', 'business_central_hook')
      | where duration > 5000
    '''
  }
  {
    name: 'hooks-refused'
    text: 'Deliveries are refused: forged, malformed, or signed for something else.'
    severity: 3
    frequency: 'PT15M'
    window: 'PT1H'
    threshold: 20
    expectsTimers: false
    query: '''
      traces
      | where (message startswith 'delivery of ' and message has ' refused: ') or message has 'have a foreign client state'
    '''
  }
  {
    name: 'start-fails'
    text: 'The app cannot start; its settings are wrong.'
    severity: 1
    frequency: 'PT15M'
    window: 'PT15M'
    threshold: 0
    expectsTimers: false
    query: '''
      union (traces | project text = message), (exceptions | project text = outerMessage)
      | where text has 'DynaConnect cannot start'
    '''
  }
]

resource actionGroup 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: actionGroupName
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'dynaconnect'
    enabled: true
    emailReceivers: empty(email) ? [] : [
      {
        name: 'operators'
        emailAddress: email
        useCommonAlertSchema: true
      }
    ]
  }
}

resource queryRules 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [for rule in rules: {
  name: 'dynaconnect-${rule.name}'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: 'DynaConnect: ${rule.name}'
    description: '${rule.text} See docs/runbook.md, ${rule.name}.'
    enabled: isEnabled && (timersEnabled || !rule.expectsTimers)
    severity: rule.severity
    scopes: [
      insightsId
    ]
    evaluationFrequency: rule.frequency
    windowSize: rule.window
    autoMitigate: true
    criteria: {
      allOf: [
        {
          query: rule.query
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: rule.threshold
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    actions: {
      actionGroups: [
        actionGroup.id
      ]
    }
  }
}]

// The host logs nothing about messages that nobody takes, so this one watches the storage account.
resource backlog 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: 'dynaconnect-queue-backlog'
  location: 'global'
  tags: tags
  properties: {
    description: 'Work piles up in the queues. See docs/runbook.md, queue-backlog.'
    enabled: isEnabled
    severity: 2
    scopes: [
      '${storageId}/queueServices/default'
    ]
    evaluationFrequency: 'PT1H'
    windowSize: 'PT6H'
    autoMitigate: true
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'messages'
          metricNamespace: 'Microsoft.Storage/storageAccounts/queueServices'
          metricName: 'QueueMessageCount'
          timeAggregation: 'Average'
          operator: 'GreaterThan'
          threshold: 5000
        }
      ]
    }
    actions: [
      {
        actionGroupId: actionGroup.id
      }
    ]
  }
}

// What is watched, and whom it reaches. Each rule has a section of its name in docs/runbook.md.
// The queries read the figures that the app tells, and for a failing start what the host logs.

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

@description('Address of docs/runbook.md, which every alert names with the section of its own.')
param runbookUrl string

@description('Hour at which working time begins, UTC.')
param workOpens int

@description('Hour at which working time ends, UTC.')
param workCloses int

@description('First day of the working week, from 0 for Sunday.')
param workFirstDay int

@description('Last day of the working week, from 0 for Sunday.')
param workLastDay int

// A query returns one row for each thing that is wrong; any row raises the alert. The figures are those of docs/telemetry.md.
var rules = [
  {
    name: 'sync-silent'
    text: 'No sweep has reached its end for half an hour.'
    severity: 1
    frequency: 'PT15M'
    window: 'PT30M'
    expectsTimers: true
    query: '''
      customMetrics
      | where name == 'dynaconnect.sweeps' and tostring(customDimensions.outcome) == 'done'
      | summarize runs = count()
      | where runs == 0
    '''
  }
  {
    name: 'nothing-received'
    text: 'Neither system has told of a change for four hours of working time.'
    severity: 2
    frequency: 'PT1H'
    window: 'PT4H'
    expectsTimers: true
    query: '''
      let opens = 8;
      let closes = 17;
      let firstday = 1;
      let lastday = 5;
      customMetrics
      | where name == 'dynaconnect.events' and tostring(customDimensions.outcome) == 'accepted'
      | summarize deliveries = count()
      | where deliveries == 0 and dayofweek(now()) >= firstday * 1d and dayofweek(now()) <= lastday * 1d and hourofday(now()) >= opens + 4 and hourofday(now()) < closes
    '''
  }
  {
    name: 'item-old'
    text: 'A record has waited, or been retried, for more than an hour.'
    severity: 2
    frequency: 'PT15M'
    window: 'PT15M'
    expectsTimers: true
    query: '''
      customMetrics
      | where name == 'dynaconnect.open.age' and tostring(customDimensions.state) in ('waiting', 'retrying')
      | extend connection = tostring(customDimensions.connection), state = tostring(customDimensions.state)
      | summarize arg_max(timestamp, value) by connection, state
      | where value > 3600
    '''
  }
  {
    name: 'connection-rests'
    text: 'One of the two systems answers nobody; its connection rests and goes on by itself.'
    severity: 2
    frequency: 'PT15M'
    window: 'PT15M'
    expectsTimers: false
    query: '''
      traces
      | where message startswith 'connection ' and message has ' rests: '
    '''
  }
  {
    name: 'records-interrupted'
    text: 'Passes over records could not be stored: storage or the vault is away or refuses.'
    severity: 2
    frequency: 'PT15M'
    window: 'PT15M'
    expectsTimers: false
    query: '''
      traces
      | where message has 'goes back to the queue' and not(message startswith 'sweep of ')
      | summarize lines = count()
      | where lines > 20
    '''
  }
  {
    name: 'callbacks-missing'
    text: 'Sweeps find changes of which no callback told.'
    severity: 3
    frequency: 'PT1H'
    window: 'PT1H'
    expectsTimers: false
    query: '''
      traces
      | where message startswith 'no callback told of '
      | summarize lines = count()
      | where lines > 12
    '''
  }
  {
    name: 'records-held'
    text: 'Records are held and wait for a person.'
    severity: 3
    frequency: 'PT1H'
    window: 'PT1H'
    expectsTimers: true
    query: '''
      customMetrics
      | where name == 'dynaconnect.open' and tostring(customDimensions.state) == 'held'
      | extend connection = tostring(customDimensions.connection), entity = tostring(customDimensions.entity)
      | summarize arg_max(timestamp, value) by connection, entity
      | where value > 0
    '''
  }
  {
    name: 'records-unexpected'
    text: 'Records fail in a way that the app does not know.'
    severity: 2
    frequency: 'PT15M'
    window: 'PT15M'
    expectsTimers: false
    query: '''
      customMetrics
      | where name == 'dynaconnect.records' and tostring(customDimensions.cause) == 'unexpected'
    '''
  }
  {
    name: 'poison-deep'
    text: 'Messages failed five times and lie in a poison queue.'
    severity: 2
    frequency: 'PT15M'
    window: 'PT15M'
    expectsTimers: true
    query: '''
      customMetrics
      | where name == 'dynaconnect.queue.length'
      | extend queue = tostring(customDimensions.queue)
      | summarize arg_max(timestamp, value) by queue
      | where value > 0 and queue endswith '-poison'
    '''
  }
  {
    name: 'messages-given-up'
    text: 'A message was given up and waits for a person in the work list.'
    severity: 1
    frequency: 'PT15M'
    window: 'PT15M'
    expectsTimers: true
    query: '''
      customMetrics
      | where name == 'dynaconnect.given_up'
      | extend connection = tostring(customDimensions.connection)
      | summarize arg_max(timestamp, value) by connection
      | where value > 0
    '''
  }
  {
    name: 'functions-fail'
    text: 'Functions end with an error that nobody foresaw.'
    severity: 2
    frequency: 'PT15M'
    window: 'PT15M'
    expectsTimers: false
    query: '''
      customMetrics
      | where name == 'dynaconnect.failures'
      | summarize total = sum(value)
      | where total > 5
    '''
  }
  {
    name: 'sweeps-fail'
    text: 'Sweeps go back to the queue again and again: one of the two systems, the login service or the vault refuses or is away.'
    severity: 2
    frequency: 'PT15M'
    window: 'PT1H'
    expectsTimers: false
    query: '''
      customMetrics
      | where name == 'dynaconnect.sweeps' and tostring(customDimensions.outcome) == 'again'
      | summarize total = sum(value)
      | where total > 10
    '''
  }
  {
    name: 'access-denied'
    text: 'One of the two systems refuses a call for lack of a right.'
    severity: 1
    frequency: 'PT15M'
    window: 'PT15M'
    expectsTimers: false
    query: '''
      customMetrics
      | where name == 'dynaconnect.calls' and tostring(customDimensions.status) == '403'
    '''
  }
  {
    name: 'subscription-ends'
    text: 'A subscription of Business Central ends within a day; it should have been renewed a day ago.'
    severity: 2
    frequency: 'PT1H'
    window: 'PT1H'
    expectsTimers: true
    query: '''
      customMetrics
      | where name == 'dynaconnect.hook.expires_in'
      | extend connection = tostring(customDimensions.connection), hook = tostring(customDimensions.hook)
      | summarize arg_max(timestamp, value) by connection, hook
      | where value < 86400
    '''
  }
  {
    name: 'subscription-gone'
    text: 'A subscription of Business Central was found gone and made again.'
    severity: 3
    frequency: 'PT1H'
    window: 'PT1H'
    expectsTimers: true
    query: '''
      customMetrics
      | where name == 'dynaconnect.hook' and tostring(customDimensions.system) == 'Business Central'
      | extend connection = tostring(customDimensions.connection), hook = tostring(customDimensions.hook)
      | summarize arg_max(timestamp, value) by connection, hook
      | where value == 0
    '''
  }
  {
    name: 'callback-disabled'
    text: 'A callback of ConnectWise was found switched off or gone, and mended.'
    severity: 3
    frequency: 'PT1H'
    window: 'PT1H'
    expectsTimers: true
    query: '''
      customMetrics
      | where name == 'dynaconnect.hook' and tostring(customDimensions.system) == 'ConnectWise'
      | extend connection = tostring(customDimensions.connection), hook = tostring(customDimensions.hook)
      | summarize arg_max(timestamp, value) by connection, hook
      | where value == 0
    '''
  }
  {
    name: 'hooks-not-kept'
    text: 'Callbacks and subscriptions have not been looked after for thirteen hours; they end after three days.'
    severity: 2
    frequency: 'PT1H'
    window: 'PT1H'
    expectsTimers: true
    query: '''
      customMetrics
      | where name == 'dynaconnect.watermark.age'
      | extend connection = tostring(customDimensions.connection), subject = tostring(customDimensions.subject)
      | summarize arg_max(timestamp, value) by connection, subject
      | where subject == 'hooks' and value > 46800
    '''
  }
  {
    name: 'credential-ends'
    text: 'A secret or certificate ends within two weeks.'
    severity: 2
    frequency: 'PT6H'
    window: 'PT6H'
    expectsTimers: true
    query: '''
      customMetrics
      | where name == 'dynaconnect.credential.expires_in'
      | extend connection = tostring(customDimensions.connection), credential = tostring(customDimensions.credential)
      | summarize arg_max(timestamp, value) by connection, credential
      | where value < 1209600
    '''
  }
  {
    name: 'books-differ'
    text: 'The newest reconciliation found differences between both systems.'
    severity: 2
    frequency: 'PT1H'
    window: 'P1D'
    expectsTimers: true
    query: '''
      customMetrics
      | where name == 'dynaconnect.reconcile.differences'
      | extend connection = tostring(customDimensions.connection)
      | summarize arg_max(timestamp, value) by connection
      | where value > 0
    '''
  }
  {
    name: 'hooks-unanswered'
    text: 'Deliveries of ConnectWise or Business Central could not be taken.'
    severity: 2
    frequency: 'PT15M'
    window: 'PT15M'
    expectsTimers: false
    query: '''
      customMetrics
      | where name == 'dynaconnect.events' and tostring(customDimensions.outcome) == 'unanswered'
      | summarize total = sum(value)
      | where total > 5
    '''
  }
  {
    name: 'hooks-slow'
    text: 'Deliveries take longer than the five seconds that ConnectWise waits.'
    severity: 3
    frequency: 'PT15M'
    window: 'PT15M'
    expectsTimers: false
    query: '''
      customMetrics
      | where name == 'dynaconnect.event.duration' and valueMax > 5
    '''
  }
  {
    name: 'hooks-refused'
    text: 'Deliveries are refused: forged, malformed, or signed for something else.'
    severity: 3
    frequency: 'PT15M'
    window: 'PT1H'
    expectsTimers: false
    query: '''
      customMetrics
      | where name == 'dynaconnect.events' and tostring(customDimensions.outcome) == 'refused'
      | summarize total = sum(value)
      | where total > 20
    '''
  }
  {
    name: 'start-fails'
    text: 'The app cannot start; its settings are wrong.'
    severity: 1
    frequency: 'PT15M'
    window: 'PT15M'
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
    description: '${rule.text} What to do: ${runbookUrl}#${rule.name}'
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
          query: replace(replace(replace(replace(rule.query, 'opens = 8', 'opens = ${workOpens}'), 'closes = 17', 'closes = ${workCloses}'), 'firstday = 1', 'firstday = ${workFirstDay}'), 'lastday = 5', 'lastday = ${workLastDay}')
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
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
      customProperties: {
        runbook: '${runbookUrl}#${rule.name}'
      }
    }
  }
}]

// While the app does not run it tells nothing, so this one watches the storage account.
resource backlog 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: 'dynaconnect-queue-backlog'
  location: 'global'
  tags: tags
  properties: {
    description: 'Work piles up in the queues. What to do: ${runbookUrl}#queue-backlog'
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

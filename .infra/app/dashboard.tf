# Five questions, a row each: is it up, is it fast, is it busy, what changed, how is it delivered.

locals {
  alb    = aws_lb.this.arn_suffix
  target = module.api.target_group_arn_suffix

  rows = [
    ["Is it up?", [
      {
        type       = "alarm"
        properties = { title = "Alarms", alarms = concat(module.api.alarm_arns, flatten(values(module.one_box)[*].alarm_arns), [aws_cloudwatch_metric_alarm.alb_5xx.arn]) }
      },
      {
        title = "Tasks that may take traffic"
        stat  = "Minimum"
        metrics = [
          ["AWS/ApplicationELB", "HealthyHostCount", "TargetGroup", local.target, "LoadBalancer", local.alb],
          [".", "UnHealthyHostCount", ".", ".", ".", ".", { stat = "Maximum" }],
        ]
      },
      {
        title = "Answers by status"
        stat  = "Sum"
        metrics = [
          ["AWS/ApplicationELB", "HTTPCode_Target_2XX_Count", "TargetGroup", local.target, "LoadBalancer", local.alb],
          [".", "HTTPCode_Target_4XX_Count", ".", ".", ".", "."],
          [".", "HTTPCode_Target_5XX_Count", ".", ".", ".", "."],
          [".", "HTTPCode_ELB_5XX_Count", "LoadBalancer", local.alb],
        ]
      },
    ]],
    ["Is it fast?", [
      {
        title = "Response time in seconds"
        stat  = "p50"
        metrics = [
          for stat in ["p50", "p90", "p99"] :
          ["AWS/ApplicationELB", "TargetResponseTime", "TargetGroup", local.target, "LoadBalancer", local.alb, { stat = stat, label = stat }]
        ]
      },
      {
        title   = "Connections that failed"
        stat    = "Sum"
        metrics = [["AWS/ApplicationELB", "TargetConnectionErrorCount", "TargetGroup", local.target, "LoadBalancer", local.alb]]
      },
    ]],
    ["Is it busy?", [
      {
        title = "Requests in a minute"
        stat  = "Sum"
        metrics = [
          ["AWS/ApplicationELB", "RequestCount", "TargetGroup", local.target, "LoadBalancer", local.alb, { label = "all" }],
          [".", "RequestCountPerTarget", ".", ".", ".", ".", { label = "per task" }],
        ]
      },
      {
        title = "CPU and memory in percent"
        stat  = "Average"
        metrics = [
          ["AWS/ECS", "CPUUtilization", "ClusterName", local.name, "ServiceName", module.api.service_name],
          [".", "CPUUtilization", ".", ".", ".", ".", { stat = "Maximum", label = "CPUUtilization, busiest" }],
          [".", "MemoryUtilization", ".", ".", ".", "."],
        ]
      },
      {
        title = "Tasks"
        stat  = "Average"
        metrics = [
          ["ECS/ContainerInsights", "DesiredTaskCount", "ClusterName", local.name, "ServiceName", module.api.service_name],
          [".", "RunningTaskCount", ".", ".", ".", "."],
        ]
      },
    ]],
    ["What changed?", [
      {
        type = "log"
        properties = {
          title  = "Images that ran, newest first"
          region = var.region
          view   = "table"
          # Container Insights notes each container once a minute.
          query = join(" | ", [
            "SOURCE '${aws_cloudwatch_log_group.container_insights.name}'",
            "filter Type = 'Container' and ServiceName = '${module.api.service_name}'",
            "stats min(@timestamp) as since, max(@timestamp) as until by TaskDefinitionRevision as revision, Image as image",
            "sort since desc",
            "limit 10",
          ])
        }
      },
      {
        type = "log"
        properties = {
          title  = "Warnings and errors of the service"
          region = var.region
          view   = "table"
          query = join(" | ", [
            "SOURCE '${module.api.log_group_name}'",
            "filter level in ['WARN', 'ERROR']",
            "fields @timestamp, level, msg",
            "sort @timestamp desc",
            "limit 20",
          ])
        }
      },
    ]],
    ["How is it delivered?", [
      {
        type = "metric"
        properties = {
          title  = "The last 30 days, as of the last deployment"
          region = var.region
          view   = "singleValue"
          # Published once a deployment, by the pipeline; see .infra/cicd/CONFORMANCE.md.
          stat      = "Average"
          period    = 3600
          start     = "-P30D"
          sparkline = true
          metrics = concat(
            [
              [local.delivery, "DeployFrequency", { label = "deployments a day" }],
              [local.delivery, "ChangeFailureRate", { label = "of them failed, in percent" }],
            ],
            [for metric, label in local.delivery_hours : [{ id = "h_${lower(metric)}", expression = "${lower(metric)} / 3600", label = label }]],
            [for metric in keys(local.delivery_hours) : [local.delivery, metric, { id = lower(metric), visible = false }]],
          )
        }
      },
    ]],
  ]

  # The namespace, and what is published in seconds but read in hours.
  delivery = "clockmirror/${var.env}"
  delivery_hours = {
    LeadTime                = "hours from commit to environment"
    MeanTimeBetweenFailures = "hours between failures"
    MeanTimeToRecover       = "hours to recover"
  }

  # A heading of one unit above widgets of six; a row is 24 units wide.
  widgets = flatten([
    for row, content in local.rows : concat(
      [{ type = "text", x = 0, y = row * 7, width = 24, height = 1, properties = { markdown = "## ${content[0]}" } }],
      [
        for column, widget in content[1] : {
          type   = try(widget.type, "metric")
          x      = column * (24 / length(content[1]))
          y      = row * 7 + 1
          width  = 24 / length(content[1])
          height = 6
          properties = try(widget.properties, {
            title   = widget.title
            region  = var.region
            stat    = widget.stat
            period  = 60
            view    = "timeSeries"
            metrics = widget.metrics
          })
        }
      ],
    )
  ])
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = local.name
  dashboard_body = jsonencode({ widgets = local.widgets })
}

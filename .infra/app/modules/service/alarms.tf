# When a person should look. The first two, and alb-5xx of the load balancer, also roll a deployment back. An alarm that is on when a
# deployment begins is not watched during it, so that a release that mends it can be deployed; the others still are.

locals {
  target_dimensions  = { TargetGroup = aws_lb_target_group.this.arn_suffix, LoadBalancer = var.alb_arn_suffix }
  service_dimensions = { ClusterName = var.cluster_name, ServiceName = var.name }
}

resource "aws_cloudwatch_metric_alarm" "errors" {
  alarm_name        = "${local.full_name}-5xx"
  alarm_description = "More than ${var.alarm_thresholds.error_percent} % of the answers, at least 3 in a minute, have a 5xx status."

  comparison_operator = "GreaterThanThreshold"
  threshold           = var.alarm_thresholds.error_percent
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  treat_missing_data  = "notBreaching"

  metric_query {
    id          = "percent"
    label       = "5xx in percent"
    expression  = "IF(FILL(errors, 0) >= 3, 100 * errors / requests, 0)"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { errors = "HTTPCode_Target_5XX_Count", requests = "RequestCount" }

    content {
      id          = metric_query.key
      return_data = false

      metric {
        namespace   = "AWS/ApplicationELB"
        metric_name = metric_query.value
        dimensions  = local.target_dimensions
        stat        = "Sum"
        period      = 60
      }
    }
  }

  alarm_actions = [var.alarm_topic_arn]
}

resource "aws_cloudwatch_metric_alarm" "unhealthy" {
  alarm_name        = "${local.full_name}-unhealthy"
  alarm_description = "A task fails the health checks of the load balancer."

  namespace           = "AWS/ApplicationELB"
  metric_name         = "UnHealthyHostCount"
  dimensions          = local.target_dimensions
  statistic           = "Maximum"
  period              = 60
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 3
  datapoints_to_alarm = 3
  treat_missing_data  = "notBreaching"

  alarm_actions = [var.alarm_topic_arn]
}

resource "aws_cloudwatch_metric_alarm" "no_task" {
  alarm_name        = "${local.full_name}-no-task"
  alarm_description = "No task may take traffic: the service is down."

  namespace           = "AWS/ApplicationELB"
  metric_name         = "HealthyHostCount"
  dimensions          = local.target_dimensions
  statistic           = "Maximum"
  period              = 60
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  evaluation_periods  = 2
  datapoints_to_alarm = 2
  treat_missing_data  = "breaching" # no data means no target at all

  alarm_actions = [var.alarm_topic_arn]

  # Made once there are tasks: otherwise it would be on during the first apply, and mail so.
  depends_on = [aws_ecs_service.this]
}

# With few samples the slowest hundredth is a single request, so half of the requests have to be slow then.
resource "aws_cloudwatch_metric_alarm" "latency" {
  alarm_name        = "${local.full_name}-latency"
  alarm_description = "Of at least 200 answers in a minute the slowest hundredth, of at least 10 the slower half, takes more than ${var.alarm_thresholds.p99_seconds} s."

  comparison_operator = "GreaterThanThreshold"
  threshold           = var.alarm_thresholds.p99_seconds
  evaluation_periods  = 5
  datapoints_to_alarm = 3
  treat_missing_data  = "notBreaching"

  metric_query {
    id          = "seconds"
    label       = "slow answers in seconds"
    expression  = "IF(requests >= 200, slowest, IF(requests >= 10, half, 0))"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = {
      requests = ["RequestCount", "Sum"]
      slowest  = ["TargetResponseTime", "p99"]
      half     = ["TargetResponseTime", "p50"]
    }

    content {
      id          = metric_query.key
      return_data = false

      metric {
        namespace   = "AWS/ApplicationELB"
        metric_name = metric_query.value[0]
        dimensions  = local.target_dimensions
        stat        = metric_query.value[1]
        period      = 60
      }
    }
  }

  alarm_actions = [var.alarm_topic_arn]
}

# Fargate reports no throttling of its own; a task that uses all the CPU it may is the one that gets throttled.
resource "aws_cloudwatch_metric_alarm" "throttled" {
  alarm_name        = "${local.full_name}-throttled"
  alarm_description = "A task uses more than ${var.alarm_thresholds.cpu_percent} % of its CPU, so the kernel makes it wait."

  namespace           = "AWS/ECS"
  metric_name         = "CPUUtilization"
  dimensions          = local.service_dimensions
  statistic           = "Maximum"
  period              = 60
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.alarm_thresholds.cpu_percent
  evaluation_periods  = 5
  datapoints_to_alarm = 3
  treat_missing_data  = "notBreaching"

  alarm_actions = [var.alarm_topic_arn]
}

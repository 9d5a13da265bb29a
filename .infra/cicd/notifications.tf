# Who hears of a pipeline that is red: at once when a run fails, again when a later one is green, and once more when nobody
# has mended it for hours.

resource "aws_sns_topic" "this" {
  name              = local.name
  kms_master_key_id = aws_kms_key.this.arn
}

data "aws_iam_policy_document" "topic" {
  statement {
    sid       = "Publish"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.this.arn]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com", "codestar-notifications.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }
  }
}

resource "aws_sns_topic_policy" "this" {
  arn    = aws_sns_topic.this.arn
  policy = data.aws_iam_policy_document.topic.json
}

resource "aws_sns_topic_subscription" "email" {
  count = var.notification_email == "" ? 0 : 1

  topic_arn = aws_sns_topic.this.arn
  protocol  = "email"
  endpoint  = var.notification_email
}

resource "aws_codestarnotifications_notification_rule" "failed" {
  name        = "${local.name}-failed"
  resource    = aws_codepipeline.this.arn
  detail_type = "FULL"

  event_type_ids = concat(
    ["codepipeline-pipeline-pipeline-execution-failed"],
    var.require_approval ? ["codepipeline-pipeline-manual-approval-needed"] : [],
  )

  target {
    address = aws_sns_topic.this.arn
  }

  depends_on = [aws_sns_topic_policy.this]
}

# ---------------------------------------------------------------------------------------------------------------------
# CodePipeline has no metric that says red or green. So its events go to a log, and each becomes a point: 1 for a run that
# failed, 0 for one that succeeded.
# ---------------------------------------------------------------------------------------------------------------------

resource "aws_cloudwatch_log_group" "events" {
  #checkov:skip=CKV_AWS_338:log_retention_days decides.
  name              = "/aws/events/${local.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.this.arn
}

data "aws_iam_policy_document" "events" {
  statement {
    sid       = "EventsWrite"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.events.arn}:*"]

    principals {
      type        = "Service"
      identifiers = ["delivery.logs.amazonaws.com", "events.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }
  }
}

resource "aws_cloudwatch_log_resource_policy" "events" {
  policy_name     = "${local.name}-events"
  policy_document = data.aws_iam_policy_document.events.json
}

resource "aws_cloudwatch_event_rule" "runs" {
  name        = "${local.name}-runs"
  description = "Runs of the pipeline that ended."

  event_pattern = jsonencode({
    source      = ["aws.codepipeline"]
    detail-type = ["CodePipeline Pipeline Execution State Change"]
    detail      = { pipeline = [local.name], state = ["FAILED", "SUCCEEDED"] }
  })
}

resource "aws_cloudwatch_event_target" "runs" {
  rule = aws_cloudwatch_event_rule.runs.name
  arn  = aws_cloudwatch_log_group.events.arn

  depends_on = [aws_cloudwatch_log_resource_policy.events]
}

resource "aws_cloudwatch_log_metric_filter" "red" {
  for_each = { FAILED = 1, SUCCEEDED = 0 }

  name           = "${local.name}-${lower(each.key)}"
  log_group_name = aws_cloudwatch_log_group.events.name
  pattern        = "{ $.detail.state = \"${each.key}\" }"

  metric_transformation {
    namespace = "clockmirror/pipeline"
    name      = local.name
    value     = each.value
  }
}

# Red as long as no run succeeds: between runs there is no point, and the state stays as it is.
resource "aws_cloudwatch_metric_alarm" "red" {
  alarm_name        = "${local.name}-red"
  alarm_description = "The last run of the pipeline failed. Back to OK: a run succeeded again."

  namespace           = "clockmirror/pipeline"
  metric_name         = local.name
  statistic           = "Maximum"
  period              = 60
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "ignore"

  # Each failed run has its own message already.
  ok_actions = [aws_sns_topic.this.arn]

  depends_on = [aws_cloudwatch_log_metric_filter.red]
}

resource "aws_cloudwatch_metric_alarm" "red_for_long" {
  alarm_name        = "${local.name}-red-for-${var.red_hours}-hours"
  alarm_description = "The pipeline has been red for ${var.red_hours} hours, so nothing can be delivered."

  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 12 * var.red_hours # of five minutes each
  treat_missing_data  = "ignore"

  # A run's colour lasts until the next run.
  metric_query {
    id          = "colour"
    label       = "red"
    expression  = "FILL(run, REPEAT)"
    return_data = true
  }

  metric_query {
    id          = "run"
    return_data = false

    metric {
      namespace   = "clockmirror/pipeline"
      metric_name = local.name
      stat        = "Maximum"
      period      = 300
    }
  }

  alarm_actions = [aws_sns_topic.this.arn]

  depends_on = [aws_cloudwatch_log_metric_filter.red]
}

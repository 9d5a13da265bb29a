# Who is told that the pipeline fails: at once when a run fails, then that its stage was taken back, again when a later one succeeds, and once
# more when it has been failing for hours.

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

  # EventBridge passes no account on to an encrypted topic.
  statement {
    sid       = "RulesPublish"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.this.arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudwatch_event_rule.green_again.arn, aws_cloudwatch_event_rule.taken_back.arn]
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
    local.approved ? ["codepipeline-pipeline-manual-approval-needed"] : [],
  )

  target {
    address = aws_sns_topic.this.arn
  }

  depends_on = [aws_sns_topic_policy.this]
}

# ---------------------------------------------------------------------------------------------------------------------
# CodePipeline has no metric for failed runs, but EventBridge counts how often a rule calls its target. So each end
# that a run may have is a rule, and their target is a topic without subscribers.
# ---------------------------------------------------------------------------------------------------------------------

locals {
  ends = toset(["failed", "succeeded"])

  # Runs that failed among those that ended: more than 0 is red, 0 is green. Where no run ended, 0 / 0 is no point at all.
  red = "FILL(failed, 0) / (FILL(failed, 0) + FILL(succeeded, 0))"
}

resource "aws_sns_topic" "runs" {
  name              = "${local.name}-runs"
  kms_master_key_id = aws_kms_key.this.arn
}

data "aws_iam_policy_document" "runs" {
  statement {
    sid       = "RulesPublish"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.runs.arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [for rule in aws_cloudwatch_event_rule.runs : rule.arn]
    }
  }
}

resource "aws_sns_topic_policy" "runs" {
  arn    = aws_sns_topic.runs.arn
  policy = data.aws_iam_policy_document.runs.json
}

resource "aws_cloudwatch_event_rule" "runs" {
  for_each = local.ends

  name        = "${local.name}-${each.value}"
  description = "Runs of the pipeline that ${each.value}."

  event_pattern = jsonencode({
    source      = ["aws.codepipeline"]
    detail-type = ["CodePipeline Pipeline Execution State Change"]
    detail = {
      pipeline = [local.name]
      state    = [upper(each.value)]
      # A rollback that succeeds does not mend the pipeline.
      execution-trigger = { trigger-type = [{ exists = false }, { anything-but = ["AutomatedRollback", "ManualRollback"] }] }
    }
  })
}

resource "aws_cloudwatch_event_target" "runs" {
  for_each = local.ends

  rule = aws_cloudwatch_event_rule.runs[each.value].name
  arn  = aws_sns_topic.runs.arn

  depends_on = [aws_sns_topic_policy.runs]
}

# Red as long as no run succeeds: between runs there is no point, and the state stays as it is.
resource "aws_cloudwatch_metric_alarm" "red" {
  alarm_name        = "${local.name}-red"
  alarm_description = "The last run of the pipeline failed. Back to OK: a run succeeded again."

  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "ignore"

  metric_query {
    id          = "colour"
    label       = "red"
    expression  = local.red
    return_data = true
  }

  dynamic "metric_query" {
    for_each = local.ends

    content {
      id          = metric_query.value
      return_data = false

      metric {
        namespace   = "AWS/Events"
        metric_name = "Invocations"
        dimensions  = { RuleName = aws_cloudwatch_event_rule.runs[metric_query.value].name }
        stat        = "Sum"
        period      = 60
      }
    }
  }
}

# Each failed run has its own message already. An alarm's own ok_actions would also run after the very first green run.
resource "aws_cloudwatch_event_rule" "green_again" {
  name        = "${local.name}-green-again"
  description = "The pipeline succeeds after a run that failed."

  event_pattern = jsonencode({
    source      = ["aws.cloudwatch"]
    detail-type = ["CloudWatch Alarm State Change"]
    resources   = [aws_cloudwatch_metric_alarm.red.arn]
    detail      = { state = { value = ["OK"] }, previousState = { value = ["ALARM"] } }
  })
}

resource "aws_cloudwatch_event_target" "green_again" {
  rule = aws_cloudwatch_event_rule.green_again.name
  arn  = aws_sns_topic.this.arn

  input_transformer {
    input_paths    = { time = "$.time" }
    input_template = "\"OK: a run of the pipeline ${local.name} succeeded again at <time>.\""
  }

  depends_on = [aws_sns_topic_policy.this]
}

# The way back of a stage is an execution of its own, which CodePipeline starts.
resource "aws_cloudwatch_event_rule" "taken_back" {
  name        = "${local.name}-taken-back"
  description = "The pipeline has taken a stage back to the version before."

  event_pattern = jsonencode({
    source      = ["aws.codepipeline"]
    detail-type = ["CodePipeline Pipeline Execution State Change"]
    detail = {
      pipeline          = [local.name]
      state             = ["SUCCEEDED"]
      execution-trigger = { trigger-type = ["AutomatedRollback"] }
    }
  })
}

resource "aws_cloudwatch_event_target" "taken_back" {
  rule = aws_cloudwatch_event_rule.taken_back.name
  arn  = aws_sns_topic.this.arn

  input_transformer {
    input_paths    = { time = "$.time", execution = "$.detail.execution-id" }
    input_template = "\"TAKEN BACK: the stage of the pipeline ${local.name} that failed has its version before again, since <time>, by the execution <execution>. The next push goes forward.\""
  }

  depends_on = [aws_sns_topic_policy.this]
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
    expression  = "FILL(${local.red}, REPEAT)"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = local.ends

    content {
      id          = metric_query.value
      return_data = false

      metric {
        namespace   = "AWS/Events"
        metric_name = "Invocations"
        dimensions  = { RuleName = aws_cloudwatch_event_rule.runs[metric_query.value].name }
        stat        = "Sum"
        period      = 300
      }
    }
  }

  alarm_actions = [aws_sns_topic.this.arn]
}

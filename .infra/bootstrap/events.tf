# How events of another region come to the environments: an alarm about metrics that only us-east-1 has, as those of Route 53. The role
# is made here, by a person, so that the pipeline needs no right to create roles for others than tasks.

data "aws_iam_policy_document" "events_home" {
  statement {
    sid       = "SendHome"
    actions   = ["events:PutEvents"]
    resources = ["arn:${data.aws_partition.current.partition}:events:${var.region}:${data.aws_caller_identity.current.account_id}:event-bus/default"]
  }
}

data "aws_iam_policy_document" "assume_events_home" {
  statement {
    sid     = "OnlyRulesOfEnvironments"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = [format(local.account_arn, "events", "rule/app-*")]
    }
  }
}

resource "aws_iam_role" "events_home" {
  name               = "clockmirror-events-home"
  description        = "Rules of the environments of clockmirror send events from other regions to ${var.region}"
  assume_role_policy = data.aws_iam_policy_document.assume_events_home.json
}

resource "aws_iam_role_policy" "events_home" {
  name   = "send-home"
  role   = aws_iam_role.events_home.name
  policy = data.aws_iam_policy_document.events_home.json
}

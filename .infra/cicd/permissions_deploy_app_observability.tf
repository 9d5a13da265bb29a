# DeployApp, what is seen of the service: logs, alarms, the dashboard, and the key and the topic that they need.

data "aws_iam_policy_document" "deploy_app_observability" {
  #checkov:skip=CKV_AWS_109:A key's policy is changed only on keys that carry the environment's tags.
  #checkov:skip=CKV_AWS_111:What has no name in its ARN is limited by tags.
  #checkov:skip=CKV_AWS_356:As said on each line.
  statement {
    sid = "Logs"
    actions = [
      "logs:AssociateKmsKey", "logs:CreateLogGroup", "logs:ListTagsForResource", "logs:PutRetentionPolicy",
      "logs:TagResource", "logs:UntagResource",
    ]
    resources = [
      for group in ["/ecs/${local.app}-*", "/aws/ecs/containerinsights/${local.app}/*", "aws-waf-logs-${local.app}"] :
      format(local.regional, "logs", "log-group:${group}")
    ]
  }

  statement {
    sid       = "FindLogs"
    actions   = ["logs:DescribeLogGroups"]
    resources = [format(local.regional, "logs", "log-group:*")] # it lists, and is asked for no group
  }

  statement {
    sid = "FirewallLogs"
    actions = [
      "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeResourcePolicies", "logs:PutResourcePolicy",
    ]
    resources = ["*"] # no resource-level permission exists
  }

  statement {
    sid = "AccessLogs"
    actions = [
      "s3:CreateBucket", "s3:GetAccelerateConfiguration", "s3:GetBucketAcl", "s3:GetBucketCORS", "s3:GetBucketLocation",
      "s3:GetBucketLogging", "s3:GetBucketObjectLockConfiguration", "s3:GetBucketOwnershipControls", "s3:GetBucketPolicy",
      "s3:GetBucketPublicAccessBlock", "s3:GetBucketRequestPayment", "s3:GetBucketTagging", "s3:GetBucketVersioning",
      "s3:GetBucketWebsite", "s3:GetEncryptionConfiguration", "s3:GetLifecycleConfiguration", "s3:GetReplicationConfiguration",
      "s3:ListBucket", "s3:PutBucketOwnershipControls", "s3:PutBucketPolicy", "s3:PutBucketPublicAccessBlock",
      "s3:PutBucketTagging", "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration",
    ]
    resources = ["arn:${local.partition}:s3:::${local.app}-alb-logs-${local.account_id}-${var.region}"]
  }

  statement {
    sid       = "Alarms"
    actions   = ["cloudwatch:DeleteAlarms", "cloudwatch:ListTagsForResource", "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource", "cloudwatch:UntagResource"]
    resources = [format(local.regional, "cloudwatch", "alarm:${local.app}-*")]
  }

  statement {
    sid       = "FindAlarms"
    actions   = ["cloudwatch:DescribeAlarms"]
    resources = [format(local.regional, "cloudwatch", "alarm:*")] # it lists, and is asked for no alarm
  }

  statement {
    sid = "AlarmsOver"
    actions = [
      "events:DeleteRule", "events:DescribeRule", "events:ListTagsForResource", "events:ListTargetsByRule", "events:PutRule",
      "events:PutTargets", "events:RemoveTargets", "events:TagResource", "events:UntagResource",
    ]
    resources = [format(local.regional, "events", "rule/${local.app}-alarm-over")]
  }

  statement {
    sid       = "Dashboard"
    actions   = ["cloudwatch:DeleteDashboards", "cloudwatch:GetDashboard", "cloudwatch:PutDashboard"]
    resources = ["arn:${local.partition}:cloudwatch::${local.account_id}:dashboard/${local.app}"]
  }

  statement {
    sid = "Topic"
    actions = [
      "sns:CreateTopic", "sns:GetTopicAttributes", "sns:ListTagsForResource", "sns:SetTopicAttributes", "sns:Subscribe",
      "sns:TagResource", "sns:UntagResource",
    ]
    resources = [format(local.regional, "sns", "${local.app}-alarms")]
  }

  statement {
    sid       = "Subscriptions"
    actions   = ["sns:GetSubscriptionAttributes", "sns:Unsubscribe"]
    resources = ["*"] # no resource-level permission exists
  }

  statement {
    sid       = "CreateKey"
    actions   = ["kms:CreateKey"]
    resources = ["*"] # no resource-level permission exists

    dynamic "condition" {
      for_each = local.app_tags

      content {
        test     = "StringEquals"
        variable = "aws:RequestTag/${condition.key}"
        values   = [condition.value]
      }
    }
  }

  # Only while it has none yet: nobody else's key becomes the environment's.
  statement {
    sid       = "TagKey"
    actions   = ["kms:TagResource"]
    resources = [format(local.regional, "kms", "key/*")]

    condition {
      test     = "Null"
      variable = "aws:ResourceTag/Project"
      values   = ["true"]
    }

    dynamic "condition" {
      for_each = local.app_tags

      content {
        test     = "StringEquals"
        variable = "aws:RequestTag/${condition.key}"
        values   = [condition.value]
      }
    }
  }

  statement {
    sid = "Key"
    actions = [
      "kms:CreateAlias", "kms:DeleteAlias", "kms:DescribeKey", "kms:EnableKeyRotation", "kms:GetKeyPolicy",
      "kms:GetKeyRotationStatus", "kms:ListResourceTags", "kms:PutKeyPolicy", "kms:TagResource", "kms:UntagResource",
      "kms:UpdateAlias", "kms:UpdateKeyDescription",
    ]
    resources = [format(local.regional, "kms", "key/*")]

    dynamic "condition" {
      for_each = local.app_tags

      content {
        test     = "StringEquals"
        variable = "aws:ResourceTag/${condition.key}"
        values   = [condition.value]
      }
    }
  }

  statement {
    sid       = "Alias"
    actions   = ["kms:CreateAlias", "kms:DeleteAlias", "kms:UpdateAlias"]
    resources = [format(local.regional, "kms", "alias/${local.app}")]
  }

  statement {
    sid       = "FindAliases"
    actions   = ["kms:ListAliases"]
    resources = ["*"] # no resource-level permission exists
  }
}

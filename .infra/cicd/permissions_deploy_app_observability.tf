# DeployApp, observability: logs, alarms, the dashboard and the topic. The key that encrypts them is the bootstrap stack's.

locals {
  log_groups = ["/ecs/${local.app}-*", "/aws/ecs/containerinsights/${local.app}/*", "aws-waf-logs-${local.app}"]

  permissions_deploy_app_observability = [
    {
      sid = "Logs"
      why = "the environment's own, by their names; CloudWatch Logs appends a log stream to the ARN, even where there is none"
      actions = [
        "logs:AssociateKmsKey", "logs:CreateLogGroup", "logs:PutRetentionPolicy",
      ]
      resources = [for group in local.log_groups : format(local.regional, "logs", "log-group:${group}:*")]
    },
    {
      sid       = "LogTags"
      why       = "as above, but tags are asked of the group's ARN alone"
      actions   = ["logs:ListTagsForResource", "logs:TagResource", "logs:UntagResource"]
      resources = [for group in local.log_groups : format(local.regional, "logs", "log-group:${group}")]
    },
    {
      sid = "FirewallLogs"
      why = "CloudWatch Logs knows no resource for these"
      actions = [
        "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeLogGroups", "logs:DescribeResourcePolicies",
        "logs:PutResourcePolicy",
      ]
      resources = ["*"]
    },
    {
      sid = "AccessLogs"
      why = "the load balancer's access logs"
      actions = [
        "s3:CreateBucket", "s3:GetAccelerateConfiguration", "s3:GetBucketAcl", "s3:GetBucketCORS", "s3:GetBucketLocation",
        "s3:GetBucketLogging", "s3:GetBucketObjectLockConfiguration", "s3:GetBucketOwnershipControls", "s3:GetBucketPolicy",
        "s3:GetBucketPublicAccessBlock", "s3:GetBucketRequestPayment", "s3:GetBucketTagging", "s3:GetBucketVersioning",
        "s3:GetBucketWebsite", "s3:GetEncryptionConfiguration", "s3:GetLifecycleConfiguration", "s3:GetReplicationConfiguration",
        "s3:ListBucket", "s3:PutBucketOwnershipControls", "s3:PutBucketPolicy", "s3:PutBucketPublicAccessBlock",
        "s3:PutBucketTagging", "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration",
      ]
      resources = ["arn:${local.partition}:s3:::${local.app}-alb-logs-${local.account_id}-${var.region}"]
    },
    {
      sid       = "Alarms"
      why       = "the environment's own, by their names"
      actions   = ["cloudwatch:DeleteAlarms", "cloudwatch:ListTagsForResource", "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource", "cloudwatch:UntagResource"]
      resources = [format(local.regional, "cloudwatch", "alarm:${local.app}-*")]
    },
    {
      sid       = "FindAlarms"
      why       = "it lists, and is asked for no alarm"
      actions   = ["cloudwatch:DescribeAlarms"]
      resources = [format(local.regional, "cloudwatch", "alarm:*")]
    },
    {
      sid = "AlarmsOver"
      why = "the rules that mail the end of an alarm, and the one in us-east-1"
      actions = [
        "events:DeleteRule", "events:DescribeRule", "events:ListTagsForResource", "events:ListTargetsByRule", "events:PutRule",
        "events:PutTargets", "events:RemoveTargets", "events:TagResource", "events:UntagResource",
      ]
      resources = [format(local.regional, "events", "rule/${local.app}-alarm-over"), format(local.regional, "events", "rule/${local.app}-outside-alarm")]
    },
    {
      sid       = "Dashboard"
      why       = "the environment's own, by its name"
      actions   = ["cloudwatch:DeleteDashboards", "cloudwatch:GetDashboard", "cloudwatch:PutDashboard"]
      resources = ["arn:${local.partition}:cloudwatch::${local.account_id}:dashboard/${local.app}"]
    },
    {
      sid = "Topic"
      why = "where alarms are sent"
      actions = [
        "sns:CreateTopic", "sns:GetTopicAttributes", "sns:ListTagsForResource", "sns:SetTopicAttributes", "sns:Subscribe",
        "sns:TagResource", "sns:UntagResource",
      ]
      resources = [format(local.regional, "sns", "${local.app}-alarms")]
    },
    {
      sid       = "Subscriptions"
      why       = "SNS knows no resource for these"
      actions   = ["sns:GetSubscriptionAttributes", "sns:Unsubscribe"]
      resources = ["*"]
    },
    {
      sid           = "ReadKey"
      why           = "the bootstrap stack's key, whose ARN logs and topic are given; it can't be changed"
      actions       = ["kms:DescribeKey"]
      resources     = [format(local.regional, "kms", "key/*")]
      resource_tags = { Project = "clockmirror", Stack = "bootstrap" }
    },
    {
      sid       = "FindKey"
      why       = "by its alias; it lists"
      actions   = ["kms:ListAliases"]
      resources = ["*"]
    },
  ]
}

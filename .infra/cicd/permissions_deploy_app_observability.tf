# DeployApp, observability: logs, alarms, the dashboard and the topic. The key that encrypts them is the bootstrap stack's.

locals {
  log_groups = { for env, of in local.environments : env => ["/ecs/${of.app}-*", "/aws/ecs/containerinsights/${of.app}/*", "aws-waf-logs-${of.app}"] }

  permissions_deploy_app_observability = { for env, of in local.environments : env => [
    {
      sid = "Logs"
      why = "the environment's own, by their names; CloudWatch Logs appends a log stream to the ARN, even where there is none"
      actions = [
        "logs:AssociateKmsKey", "logs:CreateLogGroup", "logs:PutRetentionPolicy",
      ]
      resources = [for group in local.log_groups[env] : format(local.regional, "logs", "log-group:${group}:*")]
    },
    {
      sid       = "LogTags"
      why       = "as above, but tags are asked of the group's ARN alone"
      actions   = ["logs:ListTagsForResource", "logs:TagResource", "logs:UntagResource"]
      resources = [for group in local.log_groups[env] : format(local.regional, "logs", "log-group:${group}")]
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
      resources = ["arn:${local.partition}:s3:::${of.app}-alb-logs-${local.account_id}-${var.region}"]
    },
    {
      sid       = "Alarms"
      why       = "the environment's own, by their names"
      actions   = ["cloudwatch:DeleteAlarms", "cloudwatch:ListTagsForResource", "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource", "cloudwatch:UntagResource"]
      resources = [format(local.regional, "cloudwatch", "alarm:${of.app}-*")]
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
      resources = [format(local.regional, "events", "rule/${of.app}-alarm-over"), format(local.regional, "events", "rule/${of.app}-outside-alarm")]
    },
    {
      sid       = "Dashboard"
      why       = "the environment's own, by its name"
      actions   = ["cloudwatch:DeleteDashboards", "cloudwatch:GetDashboard", "cloudwatch:PutDashboard"]
      resources = ["arn:${local.partition}:cloudwatch::${local.account_id}:dashboard/${of.app}"]
    },
    {
      sid = "Topic"
      why = "where alarms are sent"
      actions = [
        "sns:CreateTopic", "sns:GetTopicAttributes", "sns:ListTagsForResource", "sns:SetTopicAttributes", "sns:Subscribe",
        "sns:TagResource", "sns:UntagResource",
      ]
      resources = [format(local.regional, "sns", "${of.app}-alarms")]
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
  ] }
}

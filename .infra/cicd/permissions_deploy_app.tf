# DeployApp: applies the app stack. What it may touch carries the environment's name where a name is in the ARN, and the
# environment's tags where it is not. It can't destroy what would take the environment down with it: the network, the
# cluster, the load balancer, the logs. A person does that, with rights of their own.
#
# Five tables: here the service's, in the other files the network, the load balancer, logs and alarms, and the tasks' roles.

locals {
  permissions_deploy_app_service = { for env, of in local.environments : env => [
    {
      sid          = "CreateCluster"
      why          = "ECS knows no resource for it"
      actions      = ["ecs:CreateCluster"]
      resources    = ["*"]
      request_tags = of.tags
    },
    {
      sid = "Cluster"
      why = "the environment's own, by its name"
      actions = [
        "ecs:DescribeClusters", "ecs:ListTagsForResource", "ecs:PutClusterCapacityProviders", "ecs:TagResource",
        "ecs:UntagResource", "ecs:UpdateCluster", "ecs:UpdateClusterSettings",
      ]
      resources = [format(local.regional, "ecs", "cluster/${of.app}")]
    },
    {
      sid = "Services"
      why = "the services, by their names"
      actions = [
        "ecs:CreateService", "ecs:DeleteService", "ecs:DescribeServiceDeployments", "ecs:DescribeServices",
        "ecs:ListServiceDeployments", "ecs:ListTagsForResource", "ecs:TagResource", "ecs:UntagResource", "ecs:UpdateService",
      ]
      resources = local.service_arns[env]
    },
    {
      sid       = "Deployments"
      why       = "provider 6.4 and newer wait for a deployment's end by it; ECS asks for the service as well"
      actions   = ["ecs:DescribeServiceDeployments"]
      resources = [format(local.regional, "ecs", "service-deployment/${of.app}/*")]
    },
    {
      sid       = "Revisions"
      why       = "ECS knows no resource for it; iam:PassRole limits the roles of its tasks"
      actions   = ["ecs:DescribeTaskDefinition", "ecs:RegisterTaskDefinition"]
      resources = ["*"]
    },
    {
      sid       = "TagRevisions"
      why       = "of the environment's services, by their names"
      actions   = ["ecs:ListTagsForResource", "ecs:TagResource", "ecs:UntagResource"]
      resources = local.revision_arns[env]
    },
    {
      sid = "Scaling"
      why = "of ECS services, and nobody else's by its tags; a target without tags is reached as well, as AWS chooses the names and has no condition on what a target scales"
      actions = [
        "application-autoscaling:DeleteScalingPolicy", "application-autoscaling:DeregisterScalableTarget",
        "application-autoscaling:ListTagsForResource", "application-autoscaling:PutScalingPolicy",
        "application-autoscaling:RegisterScalableTarget", "application-autoscaling:TagResource",
        "application-autoscaling:UntagResource",
      ]
      resources = [format(local.regional, "application-autoscaling", "scalable-target/*")]
      conditions = concat(
        [["StringEqualsIfExists", "application-autoscaling:service-namespace", ["ecs"]]],
        [for tag, value in of.tags : ["StringEqualsIfExists", "aws:ResourceTag/${tag}", [value]]],
      )
    },
    {
      sid       = "ScalingAlarms"
      why       = "Application Auto Scaling asks it of whoever sets a policy: without a name (suspected), and by the alarm's name"
      actions   = ["cloudwatch:DeleteAlarms", "cloudwatch:PutMetricAlarm"]
      resources = [for alarm in ["", "TargetTracking-service/${of.app}/*"] : format(local.regional, "cloudwatch", "alarm:${alarm}")]
    },
    {
      sid       = "ReadScaling"
      why       = "it lists"
      actions   = ["application-autoscaling:DescribeScalableTargets", "application-autoscaling:DescribeScalingPolicies"]
      resources = ["*"]
    },
  ] }
}

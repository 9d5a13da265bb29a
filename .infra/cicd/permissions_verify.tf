<<<<<<< HEAD
# Verify: looks at what the service runs. What it may do when the image fails is in permissions_verify_roll_back.tf.
=======
# Verify: reads what the service runs, and changes nothing.
>>>>>>> 9c2ce05 (cicd: one permission table per role, no right to tag what is not its own)

locals {
  permissions_verify = [
    {
      sid       = "ReadService"
      why       = "which revision each service runs, and how its deployment stands"
      actions   = ["ecs:DescribeClusters", "ecs:DescribeServices"]
      resources = [format(local.regional, "ecs", "cluster/${local.app}"), format(local.regional, "ecs", "service/${local.app}/api")]
    },
    {
      sid       = "ReadRevision"
      why       = "which image it names; ECS knows no resource for it"
      actions   = ["ecs:DescribeTaskDefinition"]
      resources = ["*"]
    },
  ]
}

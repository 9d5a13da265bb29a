# One ECS service behind a shared load balancer: its tasks, roles, target group, rule, scaling and alarms. The environment
# around it (network, load balancer, cluster, key, topic) is the caller's.
terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }
}

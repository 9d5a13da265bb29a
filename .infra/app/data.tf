# What is asked of AWS, and the names that everything else is built from.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_availability_zones" "available" {
  #checkov:skip=CKV_AWS_394:Only the first two by name are used; availability_zones pins them.
  state = "available"

  # No local zones or Wavelength: the load balancer and Fargate are not there.
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

locals {
  name       = "app-${var.env}"
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition

  zone_names = length(var.availability_zones) > 0 ? distinct(var.availability_zones) : slice(data.aws_availability_zones.available.names, 0, 2)
  zones      = { for index, zone in local.zone_names : zone => index }

  https   = var.domain_name != ""
  private = var.egress != "public_ip"
}

# What is asked of AWS, and the names that everything else is built from.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

# Whatever their state: an environment must not move because one of its zones is impaired.
data "aws_availability_zones" "region" {
  #checkov:skip=CKV_AWS_394:Only the first two by name are used; availability_zones pins them.
  # No local zones or Wavelength zones: the load balancer and Fargate are not there.
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }

  lifecycle {
    postcondition {
      condition     = length(setsubtract(var.availability_zones, [for index, name in self.names : name if !contains(local.zones_without_fargate, self.zone_ids[index])])) == 0
      error_message = "Give availability_zones zones of ${var.region} that have Fargate: ${join(", ", [for index, name in self.names : name if !contains(local.zones_without_fargate, self.zone_ids[index])])}."
    }
  }
}

# The subnets of this environment in zones that it no longer names. Nothing reads it: it is there for its postcondition.
# tflint-ignore: terraform_unused_declarations
data "aws_subnets" "dropped" {
  count = length(local.other_zone_names) > 0 ? 1 : 0

  filter {
    name   = "tag:Name"
    values = ["${local.name}-public-*"]
  }

  filter {
    name   = "availability-zone"
    values = local.other_zone_names
  }

  # The load balancer leaves a zone at once, the tasks only when others have replaced them: requests would fail meanwhile.
  lifecycle {
    postcondition {
      condition     = length(self.ids) == 0
      error_message = "Keep every zone that this environment runs in: availability_zones of a live environment can grow, but not lose a zone."
    }
  }
}

locals {
  name       = "app-${var.env}"
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition

  # Zones in which Fargate is not offered: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/AWS_Fargate-Regions.html
  zones_without_fargate = ["apne1-az3", "cnn1-az3", "usw1-az2"]
  fargate_zone_names = [
    for index, name in data.aws_availability_zones.region.names : name
    if !contains(local.zones_without_fargate, data.aws_availability_zones.region.zone_ids[index])
  ]

  zone_names       = length(var.availability_zones) > 0 ? distinct(var.availability_zones) : slice(local.fargate_zone_names, 0, 2)
  other_zone_names = sort(setsubtract(data.aws_availability_zones.region.names, local.zone_names))

  # A zone's ranges follow from its letter, so that another choice of zones moves no subnet.
  zones = { for zone in local.zone_names : zone => index(split("", "abcdefgh"), substr(zone, -1, 1)) }

  https   = var.domain_name != ""
  private = var.egress != "public_ip"
}

# What is asked of AWS, and the names that everything else is built from.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_codestarconnections_connection" "git" {
  arn = var.connection_arn

  lifecycle {
    postcondition {
      condition     = self.connection_status == "AVAILABLE"
      error_message = "The connection ${self.name} to ${self.provider_type} is not confirmed yet: open connection_console_url of the bootstrap stack, choose the connection, and update it there."
    }
  }
}

# Resolved here, once: whoever moves the alias later changes neither who signs nor what is believed.
data "aws_kms_alias" "signing" {
  name = "alias/clockmirror-signing"
}

locals {
  name       = "cicd-${var.env}"
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition
  dns_suffix = data.aws_partition.current.dns_suffix

  # ARNs of what other stacks make, by name: arn("ecs", "cluster/app-test") is format(local.regional, "ecs", "cluster/app-test").
  regional = "arn:${local.partition}:%s:${var.region}:${local.account_id}:%s"
  iam      = "arn:${local.partition}:iam::${local.account_id}:%s"
  boundary = format(local.iam, "policy/${var.permissions_boundary}")

  # Who has to have built and signed what is deployed.
  signed_by = {
    SIGNER            = data.aws_kms_alias.signing.target_key_arn
    PIPELINE          = local.name
    SOURCE_REPOSITORY = var.repository
    SOURCE_BRANCH     = var.branch
  }

  state_bucket_arn = "arn:${local.partition}:s3:::${var.tf_state_bucket}"
}

# Which Terraform and provider this stack is written for, and where its state is kept: app/<env>/ in the state bucket,
# one workspace per environment.
terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }

  backend "s3" {
    key                  = "app/terraform.tfstate"
    workspace_key_prefix = "app"
    encrypt              = true
    use_lockfile         = true
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = {
      Project     = "clockmirror"
      Environment = var.env
      Stack       = "app"
      ManagedBy   = "terraform"
      State       = "s3://${var.tf_state_bucket}/app"
    }
  }
}

# Which Terraform and provider this stack is written for, and where its state is kept: outside/<env>/ in the state bucket,
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
    key                  = "outside/terraform.tfstate"
    workspace_key_prefix = "outside"
    encrypt              = true
    use_lockfile         = true
  }
}

# Where Route 53 keeps its metrics, whichever region the environment is in.
provider "aws" {
  region = "us-east-1"

  default_tags {
    tags = {
      Project     = "clockmirror"
      Environment = var.env
      Stack       = "outside"
      ManagedBy   = "terraform"
      State       = "s3://${var.tf_state_bucket}/outside"
    }
  }
}

# Which Terraform and provider this stack is written for. Its state is a local file, because the bucket that holds every
# other state is made here: keep terraform.tfstate, or import the few resources again.
terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = {
      Project   = "clockmirror"
      Stack     = "bootstrap"
      ManagedBy = "terraform"
    }
  }
}

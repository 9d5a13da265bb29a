# What a person decides per environment.

variable "env" {
  description = "Name of the environment, for example prod. The workspace has the same name."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.env) <= 16 && can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.env))
    error_message = "Give env 1 to 16 lower-case letters, digits and single hyphens, starting with a letter, for example prod."
  }

  validation {
    condition     = contains(["default", var.env], terraform.workspace)
    error_message = "The selected workspace holds the state of another environment: run terraform workspace select -or-create with the name of env."
  }
}

variable "tf_state_bucket" {
  description = "Name of the S3 bucket that the bootstrap stack made for the state; every resource is tagged with it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.tf_state_bucket))
    error_message = "Give tf_state_bucket the name of the state bucket, the output tf_state_bucket of the bootstrap stack."
  }
}

variable "region" {
  description = "AWS region of the environment, where its alarms are sent from."
  type        = string
  default     = "eu-west-1"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "Give region the name of an AWS region, for example eu-west-1."
  }

  validation {
    condition     = !can(regex("^(cn|us-gov|us-iso[a-z]*)-", var.region))
    error_message = "The check from outside has its alarm in us-east-1, which ${var.region} can't be reached from."
  }
}

variable "url" {
  description = "URL of the service, as `make url` prints it. The load balancer has to let Route 53 in: see allowed_cidrs of the app stack."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^https?://[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)+$", var.url))
    error_message = "Give url what the app stack has as alb_url, without a path, for example https://clock.example.com."
  }
}

variable "regions" {
  description = "Where Route 53 asks from, every 30 seconds from each."
  type        = list(string)
  default     = ["ap-southeast-1", "eu-west-1", "us-east-1"]
  nullable    = false

  validation {
    condition = length(distinct(var.regions)) >= 3 && length(setsubtract(var.regions, [
      "ap-northeast-1", "ap-southeast-1", "ap-southeast-2", "eu-west-1", "sa-east-1", "us-east-1", "us-west-1", "us-west-2",
    ])) == 0
    error_message = "Give regions at least three of ap-northeast-1, ap-southeast-1, ap-southeast-2, eu-west-1, sa-east-1, us-east-1, us-west-1 and us-west-2: Route 53 asks from there."
  }
}

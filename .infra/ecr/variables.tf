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
  description = "AWS region of the repository."
  type        = string
  default     = "eu-west-1"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "Give region the name of an AWS region, for example eu-west-1."
  }
}

variable "repository_name" {
  description = "Name of the image repository. A second environment in the same account and region needs a name of its own."
  type        = string
  default     = "clockmirror"
  nullable    = false

  validation {
    condition     = length(var.repository_name) >= 2 && can(regex("^[a-z0-9]+([._/-][a-z0-9]+)*$", var.repository_name))
    error_message = "Give repository_name at least 2 lower-case letters and digits, with single separators between them, for example clockmirror."
  }
}

variable "keep_images" {
  description = "How many images are kept: so many that were deployed, and of the others those among the last so many. ECR counts by time of push, and the service may run an image that was pushed long ago."
  type        = number
  default     = 100
  nullable    = false

  validation {
    condition     = var.keep_images >= 50 && var.keep_images <= 1000 && floor(var.keep_images) == var.keep_images
    error_message = "Give keep_images a whole number from 50 to 1000: an image that was rolled back to must stay while newer ones are pushed."
  }
}

variable "protect" {
  description = "Refuse to destroy the repository while it holds images."
  type        = bool
  default     = false
  nullable    = false
}

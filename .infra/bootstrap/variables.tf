# What a person decides once per account.

variable "tf_state_bucket" {
  description = "Name of the S3 bucket to make for the Terraform state of all other stacks. Bucket names are unique in the world."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.tf_state_bucket))
    error_message = "Give tf_state_bucket a name for the state bucket: 3 to 63 lower-case letters, digits and hyphens, for example acme-clockmirror-state."
  }
}

variable "region" {
  description = "AWS region of the state bucket and of the connection to the Git host."
  type        = string
  default     = "eu-west-1"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "Give region the name of an AWS region, for example eu-west-1."
  }
}

variable "git_host" {
  description = "Where the repository lives: GitHub, GitLab or Bitbucket."
  type        = string
  default     = "GitHub"
  nullable    = false

  validation {
    condition     = contains(["GitHub", "GitLab", "Bitbucket"], var.git_host)
    error_message = "Give git_host one of GitHub, GitLab and Bitbucket."
  }
}

variable "state_history_days" {
  description = "Days for which an overwritten version of a state can be brought back."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = var.state_history_days >= 1 && floor(var.state_history_days) == var.state_history_days
    error_message = "Give state_history_days a whole number of days, at least 1."
  }
}

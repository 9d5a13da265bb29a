# What a person decides per pipeline.

variable "env" {
  description = "Name of the environment that the pipeline leads to, for example prod. The workspace has the same name."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.env) <= 16 && can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.env))
    error_message = "Give env 1 to 16 lower-case letters, digits and single hyphens, starting with a letter, for example prod."
  }

  validation {
    condition     = !strcontains("${var.env}-", "-customer-")
    error_message = "Give env a name without -customer: what is called app-<env>-customer-… belongs to a customer of env."
  }

  validation {
    condition     = contains(["default", var.env], terraform.workspace)
    error_message = "The selected workspace holds the state of another environment: run terraform workspace select -or-create with the name of env."
  }
}

variable "tf_state_bucket" {
  description = "Name of the S3 bucket that the bootstrap stack made for the state; the pipeline keeps the state of ecr and app there."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.tf_state_bucket))
    error_message = "Give tf_state_bucket the name of the state bucket, the output tf_state_bucket of the bootstrap stack."
  }
}

variable "region" {
  description = "AWS region of the pipeline and of all that it delivers."
  type        = string
  default     = "eu-west-1"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "Give region the name of an AWS region, for example eu-west-1."
  }
}

variable "repository" {
  description = "The Git repository, as owner/name at the Git host."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)+$", var.repository))
    error_message = "Give repository as owner/name, without a host and without .git at its end, for example acme/clockmirror."
  }

  validation {
    condition     = !endswith(var.repository, ".git")
    error_message = "Leave .git off the end of repository: owner/name is enough, for example acme/clockmirror."
  }
}

variable "connection_arn" {
  description = "ARN of the connection to the Git host, the output connection_arn of the bootstrap stack. A person has to have confirmed it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:(codeconnections|codestar-connections):[a-z0-9-]+:[0-9]{12}:connection/[0-9a-f-]+$", var.connection_arn))
    error_message = "Give connection_arn the ARN of a connection, the output connection_arn of the bootstrap stack: arn:aws:codeconnections:…:connection/…"
  }
}

variable "branch" {
  description = "The branch whose pushes are delivered."
  type        = string
  default     = "master"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9._/-]+$", var.branch)) && !startswith(var.branch, "refs/")
    error_message = "Give branch the plain name of one branch, for example master, not refs/heads/master and not a pattern."
  }
}

variable "require_approval" {
  description = "Wait for a person's approval before anything is deployed to an environment."
  type        = bool
  default     = false
  nullable    = false
}

variable "approval_hours" {
  description = "Hours that an approval is waited for before the run fails. Later pushes wait as long."
  type        = number
  default     = 8
  nullable    = false

  validation {
    condition     = var.approval_hours >= 1 && var.approval_hours <= 168 && floor(var.approval_hours) == var.approval_hours
    error_message = "Give approval_hours a whole number of hours from 1 to 168."
  }
}

variable "notification_email" {
  description = "Address that failed and recovered runs are mailed to; empty for none. AWS asks it to confirm first."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.notification_email == "" || can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", var.notification_email))
    error_message = "Give notification_email one mail address, for example ops@example.com, or leave it empty."
  }
}

variable "red_hours" {
  description = "Hours for which the pipeline may keep failing before the alarm fires."
  type        = number
  default     = 4
  nullable    = false

  validation {
    condition     = var.red_hours >= 1 && var.red_hours <= 23 && floor(var.red_hours) == var.red_hours
    error_message = "Give red_hours a whole number of hours from 1 to 23: an alarm looks back for a day at most."
  }
}

variable "image_platform" {
  description = "What the image is built for, and the pipeline's machines with it: linux/amd64 or linux/arm64 (a fifth cheaper)."
  type        = string
  default     = "linux/amd64"
  nullable    = false

  validation {
    condition     = contains(["linux/amd64", "linux/arm64"], var.image_platform)
    error_message = "Give image_platform one of linux/amd64 and linux/arm64."
  }
}

variable "toolbox_digest" {
  description = "Digest of the toolbox, the image in which the actions run; `make apply-cicd` finds or builds it. Empty: images of CodeBuild, on which each build installs the tools."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.toolbox_digest == "" || can(regex("^sha256:[0-9a-f]{64}$", var.toolbox_digest))
    error_message = "Give toolbox_digest as sha256: and 64 hexadecimal digits, as .infra/cicd/toolbox prints it, or leave it empty."
  }
}

variable "image_repository" {
  description = "Name of the image repository, repository_name of the ecr stack. A second pipeline in the same account and region needs a name of its own."
  type        = string
  default     = "clockmirror"
  nullable    = false

  validation {
    condition     = length(var.image_repository) >= 2 && can(regex("^[a-z0-9]+([._/-][a-z0-9]+)*$", var.image_repository))
    error_message = "Give image_repository at least 2 lower-case letters and digits, with single separators between them, for example clockmirror."
  }
}

variable "hosted_zone_id" {
  description = "ID of the Route 53 zone that the app stack puts its records in, when env/ENV.tfvars gives it a domain; empty for none."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.hosted_zone_id == "" || can(regex("^Z[A-Z0-9]+$", var.hosted_zone_id))
    error_message = "Give hosted_zone_id the ID of a Route 53 hosted zone, for example Z0123456789ABCDEFGHIJ, or leave it empty."
  }
}

variable "pull_request_actors" {
  description = "Account IDs at the Git host of those whose pull requests are tested; empty for none. A pull request brings code of its own to the pipeline's machines: name people you trust."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for actor in var.pull_request_actors : can(regex("^[A-Za-z0-9{}-]+$", actor))])
    error_message = "Give pull_request_actors account IDs of the Git host, for example [\"583231\"]; at GitHub, https://api.github.com/users/NAME tells the id."
  }

  validation {
    condition     = length(var.pull_request_actors) == 0 || !contains(["", var.connection_arn], var.pull_request_connection_arn)
    error_message = "Give pull_request_connection_arn with pull_request_actors: a connection of its own, which reaches this repository alone. A build can take the connection's token."
  }
}

variable "pull_request_connection_arn" {
  description = "ARN of a second connection, for builds of pull requests alone. A build can take the token of its connection, which reads and writes all that the connection reaches: open it to this repository only."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.pull_request_connection_arn == "" || can(regex("^arn:[a-z-]+:(codeconnections|codestar-connections):[a-z0-9-]+:[0-9]{12}:connection/[0-9a-f-]+$", var.pull_request_connection_arn))
    error_message = "Give pull_request_connection_arn the ARN of a connection, arn:aws:codeconnections:…:connection/…, or leave it empty."
  }
}

variable "permissions_boundary" {
  description = "Name of the permissions boundary that roles made by the pipeline have to carry; the bootstrap stack makes it."
  type        = string
  default     = "clockmirror-boundary"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9+=,.@_-]{1,128}$", var.permissions_boundary))
    error_message = "Give permissions_boundary the name of an IAM policy, for example clockmirror-boundary."
  }
}

variable "log_retention_days" {
  description = "Days that the logs of the pipeline's actions are kept."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "Give log_retention_days a number of days that CloudWatch Logs knows, for example 7, 30, 90 or 365."
  }
}

variable "artifact_days" {
  description = "Days that a run's artifacts are kept; a run that waits longer for an approval has to be started again."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.artifact_days >= 1 && floor(var.artifact_days) == var.artifact_days
    error_message = "Give artifact_days a whole number of days, at least 1."
  }
}

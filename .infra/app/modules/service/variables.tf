# What the caller gives. The app stack has validated what people typed; here are types and meanings.

# ---------------------------------------------------------------------------------------------------------------------
# Names
# ---------------------------------------------------------------------------------------------------------------------

variable "name" {
  description = "Name of the service, unique in the environment."
  type        = string
  nullable    = false

  validation {
    condition     = length(coalesce(var.target_group_name, "app-${var.env}-${var.name}")) <= 32 && can(regex("^[a-z0-9]+(-[a-z0-9]+)*$", var.name))
    error_message = "Give name lower-case letters, digits and single hyphens, such that app-<env>-<name> has at most 32 characters, as the name of a target group may."
  }
}

variable "target_group_name" {
  description = "Name of the target group; null for app-<env>-<name>."
  type        = string
  default     = null
}

variable "env" {
  description = "Name of the environment."
  type        = string
  nullable    = false
}

variable "region" {
  description = "AWS region."
  type        = string
  nullable    = false
}

variable "partition" {
  description = "AWS partition, such as aws."
  type        = string
  nullable    = false
}

variable "account_id" {
  description = "ID of the AWS account."
  type        = string
  nullable    = false
}

variable "permissions_boundary" {
  description = "ARN of the permissions boundary that the roles carry."
  type        = string
  nullable    = false
}

# ---------------------------------------------------------------------------------------------------------------------
# The task
# ---------------------------------------------------------------------------------------------------------------------

variable "image" {
  description = "Image to run, as repo@sha256:…"
  type        = string
  nullable    = false
}

variable "cpu_architecture" {
  description = "X86_64 or ARM64."
  type        = string
  nullable    = false
}

variable "cpu" {
  description = "CPU units of a task."
  type        = number
  nullable    = false
}

variable "memory" {
  description = "Memory of a task in MiB."
  type        = number
  nullable    = false
}

variable "port" {
  description = "Port that the container serves on."
  type        = number
  nullable    = false
}

variable "environment" {
  description = "Environment variables of the container."
  type        = map(string)
  nullable    = false
}

variable "secrets" {
  description = "Environment variables from SSM Parameter Store or Secrets Manager: name to ARN."
  type        = map(string)
  nullable    = false
}

variable "secrets_kms_key_arns" {
  description = "ARNs of the customer managed KMS keys that encrypt the secrets."
  type        = list(string)
  nullable    = false
}

# ---------------------------------------------------------------------------------------------------------------------
# Where it runs, and how many
# ---------------------------------------------------------------------------------------------------------------------

variable "cluster_name" {
  description = "Name of the ECS cluster."
  type        = string
  nullable    = false
}

variable "vpc_id" {
  description = "ID of the VPC."
  type        = string
  nullable    = false
}

variable "subnet_ids" {
  description = "IDs of the subnets that tasks run in, one per zone."
  type        = list(string)
  nullable    = false
}

variable "security_group_id" {
  description = "ID of the security group of the tasks."
  type        = string
  nullable    = false
}

variable "assign_public_ip" {
  description = "Whether each task has a public address."
  type        = bool
  nullable    = false
}

variable "scaling" {
  description = "Floor, ceiling, and the load per task to aim at."
  type = object({
    min_tasks           = number
    max_tasks           = number
    cpu_percent         = number
    requests_per_minute = number
  })
  nullable = false
}

variable "fargate_spot_percent" {
  description = "Share of the tasks above the floor that run on Fargate Spot."
  type        = number
  nullable    = false
}

variable "starts_after" {
  description = "IDs of what has to be there before the first task starts."
  type        = list(string)
  default     = []
  nullable    = false
}

# ---------------------------------------------------------------------------------------------------------------------
# The load balancer
# ---------------------------------------------------------------------------------------------------------------------

variable "listener_arn" {
  description = "ARN of the listener of port 80."
  type        = string
  nullable    = false
}

variable "https" {
  description = "ARN of the HTTPS listener that serves, and the host name that port 80 redirects to; null for plain HTTP."
  type = object({
    listener_arn = string
    host         = string
  })
  default = null
}

variable "redirects_after" {
  description = "IDs of what has to be there before port 80 redirects to HTTPS."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "hosts" {
  description = "Host names whose requests the service takes; empty for all."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "header" {
  description = "Name of a header whose requests the service takes, with any value; null for all. Not together with hosts."
  type        = string
  default     = null
}

variable "rule_priority" {
  description = "Priority of the listener rule: the lowest number that matches a request wins."
  type        = number
  nullable    = false
}

variable "deregistration_delay" {
  description = "Seconds that a task which leaves may take for the requests it has; longer than the longest request."
  type        = number
  nullable    = false
}

variable "alb_arn_suffix" {
  description = "The load balancer's name in metrics."
  type        = string
  nullable    = false
}

# ---------------------------------------------------------------------------------------------------------------------
# What is seen of it
# ---------------------------------------------------------------------------------------------------------------------

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
  nullable    = false
}

variable "kms_key_arn" {
  description = "ARN of the key that encrypts the logs."
  type        = string
  nullable    = false
}

variable "alarm_topic_arn" {
  description = "ARN of the SNS topic that alarms go to."
  type        = string
  nullable    = false
}

variable "alarm_thresholds" {
  description = "Errors and CPU in percent, latency in seconds."
  type = object({
    error_percent = number
    p99_seconds   = number
    cpu_percent   = number
  })
  nullable = false
}

variable "shared_alarm_names" {
  description = "Names of further alarms that roll a deployment back, which all services share."
  type        = list(string)
  nullable    = false
}

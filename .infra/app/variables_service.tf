# What a person decides about the service itself: the image, its size, its settings, how far it scales, when it alarms.

variable "image" {
  description = "Image to run, by digest: repo@sha256:… The one that runs now, unless this is the very first apply: see running-image."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-zA-Z0-9._:/-]*@sha256:[0-9a-f]{64}$", var.image)) && !can(regex(":[^/]*@", var.image))
    error_message = "Give image by its digest, as repo@sha256:<64 hex digits>, without a tag: a tag does not say which image runs. The running one is printed by .infra/app/running-image."
  }
}

variable "cpu_architecture" {
  description = "What the image is built for: X86_64 or ARM64 (a fifth cheaper). It can't change on a live environment."
  type        = string
  default     = "X86_64"
  nullable    = false

  validation {
    condition     = contains(["X86_64", "ARM64"], var.cpu_architecture)
    error_message = "Give cpu_architecture one of X86_64 and ARM64, as the image is built."
  }
}

variable "cpu" {
  description = "CPU units of a task; 1024 are one vCPU."
  type        = number
  default     = 256
  nullable    = false

  validation {
    condition     = contains([256, 512, 1024, 2048, 4096, 8192, 16384], var.cpu)
    error_message = "Give cpu one of Fargate's sizes: 256, 512, 1024, 2048, 4096, 8192 or 16384."
  }
}

variable "memory" {
  description = "Memory of a task in MiB; Fargate pairs each CPU size with a range."
  type        = number
  default     = 512
  nullable    = false

  validation {
    condition = contains(lookup({
      256   = [512, 1024, 2048]
      512   = range(1024, 4097, 1024)
      1024  = range(2048, 8193, 1024)
      2048  = range(4096, 16385, 1024)
      4096  = range(8192, 30721, 1024)
      8192  = range(16384, 61441, 4096)
      16384 = range(32768, 122881, 8192)
    }, var.cpu, []), var.memory)
    error_message = "Give memory a size in MiB that Fargate pairs with this cpu: 512, 1024 or 2048 for 256; from 2 to 8 times the CPU units otherwise, in whole GiB."
  }
}

variable "environment" {
  description = "Further environment variables of the service, such as LOG_LEVEL. They are readable by whoever may read the task definition: no secrets."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setintersection(keys(var.environment), ["PORT", "ADMIN_PORT"])) == 0
    error_message = "Leave PORT and ADMIN_PORT out of environment: the load balancer and the security groups are set to 8080 and 9090."
  }

  validation {
    condition     = alltrue([for name in ["DRAIN_DELAY", "SHUTDOWN_TIMEOUT", "REQUEST_TIMEOUT"] : can(regex("^[0-9]+s$", lookup(var.environment, name, "1s")))])
    error_message = "Give DRAIN_DELAY, SHUTDOWN_TIMEOUT and REQUEST_TIMEOUT in environment whole seconds, such as 10s."
  }

  # ECS kills a task 30 seconds after it asked it to stop; three of them are for the last export of spans.
  validation {
    condition = try(
      tonumber(trimsuffix(lookup(var.environment, "DRAIN_DELAY", "12s"), "s")) + tonumber(trimsuffix(lookup(var.environment, "SHUTDOWN_TIMEOUT", "15s"), "s")) <= 27 &&
      tonumber(trimsuffix(lookup(var.environment, "SHUTDOWN_TIMEOUT", "15s"), "s")) >= tonumber(trimsuffix(lookup(var.environment, "REQUEST_TIMEOUT", "10s"), "s")),
    true)
    error_message = "Give DRAIN_DELAY and SHUTDOWN_TIMEOUT in environment at most 27 seconds together, as ECS kills a task 30 seconds after it asked it to stop, and SHUTDOWN_TIMEOUT no less than REQUEST_TIMEOUT."
  }
}

variable "secrets" {
  description = "Environment variables whose values lie in SSM Parameter Store or Secrets Manager: name to ARN. Their names begin with clockmirror/, as tasks may read nothing else."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition = alltrue([for arn in values(var.secrets) :
      can(regex("^arn:[a-z-]+:(ssm:[a-z0-9-]+:[0-9]{12}:parameter/|secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:).+$", arn))
    ])
    error_message = "Give each of secrets the ARN of an SSM parameter (arn:aws:ssm:…:parameter/NAME) or of a Secrets Manager secret (arn:aws:secretsmanager:…:secret:NAME)."
  }

  validation {
    condition     = length(setintersection(keys(var.secrets), keys(var.environment))) == 0
    error_message = "Give each name either in environment or in secrets, not in both."
  }
}

variable "secrets_kms_key_arns" {
  description = "ARNs of the customer managed KMS keys that encrypt secrets, if any."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.secrets_kms_key_arns : can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", arn))])
    error_message = "Give secrets_kms_key_arns the ARNs of KMS keys, arn:aws:kms:…:key/ID."
  }
}

variable "scaling" {
  description = "Floor and ceiling of the number of tasks, and the load per task to aim at: CPU in percent, requests in a minute."
  type = object({
    min_tasks           = optional(number, 2)
    max_tasks           = optional(number, 6)
    cpu_percent         = optional(number, 60)
    requests_per_minute = optional(number, 6000)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.scaling.min_tasks >= 1 && var.scaling.max_tasks >= var.scaling.min_tasks
    error_message = "Give scaling.min_tasks at least 1 and scaling.max_tasks at least as much."
  }

  validation {
    condition     = var.scaling.cpu_percent >= 10 && var.scaling.cpu_percent <= 90 && var.scaling.requests_per_minute >= 1
    error_message = "Give scaling.cpu_percent 10 to 90 and scaling.requests_per_minute at least 1."
  }
}

variable "one_box_percent" {
  description = "Share of the requests that one box gets: a service of one task, which a new version is deployed to first, watched by the pipeline, whose bake_minutes has to be set too. 0: no one box."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.one_box_percent >= 0 && var.one_box_percent <= 50 && floor(var.one_box_percent) == var.one_box_percent
    error_message = "Give one_box_percent a whole number from 0 to 50, for example 10."
  }
}

variable "fargate_spot_percent" {
  description = "Share of the tasks above the first two that run on Fargate Spot, which is cheaper and may be taken away at two minutes' notice."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.fargate_spot_percent >= 0 && var.fargate_spot_percent <= 100 && floor(var.fargate_spot_percent) == var.fargate_spot_percent
    error_message = "Give fargate_spot_percent a whole number from 0 to 100."
  }
}

variable "alarm_thresholds" {
  description = "When to alarm: answers with a 5xx status in percent, the slowest hundredth in seconds, CPU in percent of what a task may use."
  type = object({
    error_percent = optional(number, 1)
    p99_seconds   = optional(number, 1)
    cpu_percent   = optional(number, 95)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.alarm_thresholds.error_percent > 0 && var.alarm_thresholds.error_percent < 100 && var.alarm_thresholds.p99_seconds > 0 && var.alarm_thresholds.cpu_percent > 0 && var.alarm_thresholds.cpu_percent < 100
    error_message = "Give alarm_thresholds percentages between 0 and 100, and p99_seconds above 0."
  }
}

# What a person decides per environment: where it runs and who may reach it. What runs is in variables_service.tf.

variable "env" {
  description = "Name of the environment, for example prod. The workspace has the same name."
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
  description = "Name of the S3 bucket that the bootstrap stack made for the state; every resource is tagged with it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.tf_state_bucket))
    error_message = "Give tf_state_bucket the name of the state bucket, the output tf_state_bucket of the bootstrap stack."
  }
}

variable "region" {
  description = "AWS region that everything runs in. It can't change on a live environment."
  type        = string
  default     = "eu-west-1"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "Give region the name of an AWS region, for example eu-west-1."
  }
}

variable "protect" {
  description = "Refuse to destroy this environment. To destroy it all the same, apply with false first."
  type        = bool
  default     = false
  nullable    = false
}

variable "availability_zones" {
  description = "Names of the availability zones to run in; empty for the first two of the region that have Fargate. A live environment can gain zones, but not lose one."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(var.availability_zones) == 0 || length(distinct(var.availability_zones)) >= 2
    error_message = "Give availability_zones at least two different zones, for example [\"eu-west-1a\", \"eu-west-1b\"], or none for the region's first two."
  }
}

variable "vpc_cidr" {
  description = "IPv4 range of the VPC, a /16 to /20; each subnet takes a sixteenth of it. It can't change on a live environment."
  type        = string
  default     = "10.0.0.0/16"
  nullable    = false

  validation {
    condition     = can(cidrsubnet(var.vpc_cidr, 4, 15)) && try(tonumber(split("/", var.vpc_cidr)[1]) >= 16 && tonumber(split("/", var.vpc_cidr)[1]) <= 20, false)
    error_message = "Give vpc_cidr an IPv4 range between /16 and /20, for example 10.0.0.0/16."
  }
}

variable "egress" {
  description = "How tasks reach AWS and the Internet: 'nat' (one NAT gateway), 'endpoints' (VPC endpoints: AWS only, not the Internet) or 'public_ip' (a public address per task, closed to callers)."
  type        = string
  default     = "nat"
  nullable    = false

  validation {
    condition     = contains(["nat", "endpoints", "public_ip"], var.egress)
    error_message = "Give egress one of nat, endpoints and public_ip."
  }
}

variable "allowed_cidrs" {
  description = "IPv4 ranges that may call the load balancer."
  type        = list(string)
  default     = ["0.0.0.0/0"]
  nullable    = false

  validation {
    condition     = length(var.allowed_cidrs) > 0 && alltrue([for cidr in var.allowed_cidrs : can(cidrnetmask(cidr))])
    error_message = "Give allowed_cidrs at least one IPv4 range, for example [\"0.0.0.0/0\"] for everybody."
  }
}

variable "domain_name" {
  description = "Host name to serve over HTTPS, for example clock.example.com, of at most 64 characters; empty for plain HTTP on the load balancer's own name."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.domain_name == "" || can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.domain_name)) && length(var.domain_name) <= 64
    error_message = "Give domain_name a full host name in lower case, of at most 64 characters as the name of a certificate, for example clock.example.com, or leave it empty for plain HTTP."
  }
}

variable "hosted_zone_id" {
  description = "ID of the Route 53 public hosted zone that domain_name lies in."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = (var.domain_name == "") == (var.hosted_zone_id == "")
    error_message = "Give domain_name and hosted_zone_id together: the host name and the ID of the Route 53 zone that it lies in, or neither for plain HTTP."
  }

  validation {
    condition     = var.hosted_zone_id == "" || can(regex("^Z[A-Z0-9]+$", var.hosted_zone_id))
    error_message = "Give hosted_zone_id the ID of a Route 53 hosted zone, for example Z0123456789ABCDEFGHIJ, or leave it empty."
  }
}

variable "ssl_policy" {
  description = "The load balancer's TLS policy: one that offers TLS 1.3."
  type        = string
  default     = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  nullable    = false

  validation {
    condition     = startswith(var.ssl_policy, "ELBSecurityPolicy-TLS13-1-2-") || startswith(var.ssl_policy, "ELBSecurityPolicy-TLS13-1-3-")
    error_message = "Give ssl_policy a policy with TLS 1.2 as its floor and TLS 1.3, for example ELBSecurityPolicy-TLS13-1-2-2021-06."
  }
}

variable "waf" {
  description = "A web application firewall in front of the load balancer: the requests that one address may send in five minutes, AWS's managed rules, which 'count' what they would stop until told to 'block', and the paths that take any text, where they don't look."
  type = object({
    enabled       = optional(bool, false)
    rate_limit    = optional(number, 2000)
    managed_rules = optional(string, "count")
    text_paths    = optional(list(string), ["/api/echo", "/shout"])
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.waf.rate_limit >= 10 && var.waf.rate_limit <= 2000000000
    error_message = "Give waf.rate_limit a number of requests in five minutes, at least 10."
  }

  validation {
    condition     = contains(["count", "block"], var.waf.managed_rules)
    error_message = "Give waf.managed_rules one of count and block."
  }

  # WAF takes a regular expression of at most 512 characters.
  validation {
    condition     = length(var.waf.text_paths) > 0 && alltrue([for path in var.waf.text_paths : can(regex("^/[A-Za-z0-9/._~-]*$", path))]) && length(join("\\.", flatten([for path in var.waf.text_paths : split(".", path)]))) < 500
    error_message = "Give waf.text_paths at least one path, for example /api/echo, of letters, digits and -._~/, and of less than 500 characters together."
  }
}

variable "log_retention_days" {
  description = "Days that logs are kept, in CloudWatch and in S3."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "Give log_retention_days a number of days that CloudWatch Logs knows, for example 7, 30, 90 or 365."
  }
}

variable "container_insights" {
  description = "How much ECS measures of each task: 'enhanced', 'enabled' or 'disabled'. Each metric has its price."
  type        = string
  default     = "enabled"
  nullable    = false

  validation {
    condition     = contains(["enhanced", "enabled", "disabled"], var.container_insights)
    error_message = "Give container_insights one of enhanced, enabled and disabled."
  }
}

variable "alarm_email" {
  description = "Address that alarms are mailed to; empty for none. AWS asks it to confirm first."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.alarm_email == "" || can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", var.alarm_email))
    error_message = "Give alarm_email one mail address, for example ops@example.com, or leave it empty."
  }
}

variable "permissions_boundary" {
  description = "Name of the permissions boundary for the roles made here; the bootstrap stack makes it."
  type        = string
  default     = "clockmirror-boundary"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9+=,.@_-]{1,128}$", var.permissions_boundary))
    error_message = "Give permissions_boundary the name of an IAM policy, for example clockmirror-boundary."
  }
}

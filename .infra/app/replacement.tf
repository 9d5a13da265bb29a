# Changes on a live environment. What a changed variable adds is there before what it takes away goes, so that no request
# fails in between. Terraform orders a creation and a removal only by what depends on both: that is what this is for. What
# goes has create_before_destroy, so it is removed after this has changed; what comes is named in depends_on, so it is there
# before.

resource "terraform_data" "replacement" {
  input = { allowed_cidrs = var.allowed_cidrs, egress = var.egress }

  depends_on = [
    aws_route.private_nat,
    aws_vpc_endpoint.interface,
    aws_vpc_endpoint.s3,
    aws_vpc_security_group_egress_rule.tasks_endpoints,
    aws_vpc_security_group_egress_rule.tasks_https,
    aws_vpc_security_group_egress_rule.tasks_s3,
    aws_vpc_security_group_ingress_rule.alb_http,
    aws_vpc_security_group_ingress_rule.alb_https,
    aws_vpc_security_group_ingress_rule.endpoints_tasks,
  ]
}

# What can't change while the environment lives, beside vpc_cidr, which the network itself refuses.
resource "terraform_data" "fixed" {
  input = { region = var.region, cpu_architecture = var.cpu_architecture }

  lifecycle {
    ignore_changes = [input]

    postcondition {
      condition     = self.input.region == var.region
      error_message = "Keep region at ${self.input.region}, or make a new environment: what runs can't move to another region."
    }

    postcondition {
      condition     = self.input.cpu_architecture == var.cpu_architecture
      error_message = "Keep cpu_architecture at ${self.input.cpu_architecture}, or make a new environment: the image that runs is built for it."
    }
  }
}

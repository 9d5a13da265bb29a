# How tasks reach ECR, CloudWatch and the Internet; README.md has what each mode costs. When the mode changes, the new way
# out is there before the tasks move, and the old one goes last: see replacement.tf.
#   nat        one NAT gateway. If its zone fails, running tasks go on serving; new ones can't start until it is back.
#   endpoints  AWS's services inside the VPC, and no way out to the Internet.
#   public_ip  nothing here: each task has an address of its own, and its security group lets only the load balancer in.

# ---------------------------------------------------------------------------------------------------------------------
# nat
# ---------------------------------------------------------------------------------------------------------------------

resource "aws_eip" "nat" {
  count = var.egress == "nat" ? 1 : 0

  domain = "vpc"

  tags = { Name = "${local.name}-nat" }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_nat_gateway" "this" {
  count = var.egress == "nat" ? 1 : 0

  allocation_id = aws_eip.nat[0].id
  subnet_id     = aws_subnet.public[local.zone_names[0]].id

  tags = { Name = local.name }

  # It has no use before the VPC reaches the Internet.
  depends_on = [aws_route.public_internet]

  # It stays in its zone when others are added before it.
  lifecycle {
    create_before_destroy = true
    ignore_changes        = [subnet_id]
  }
}

resource "aws_route" "private_nat" {
  count = var.egress == "nat" ? 1 : 0

  route_table_id         = aws_route_table.private.id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.this[0].id

  lifecycle {
    create_before_destroy = true
  }
}

# ---------------------------------------------------------------------------------------------------------------------
# endpoints
# ---------------------------------------------------------------------------------------------------------------------

locals {
  pull  = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
  where = "${var.region}:${local.account_id}"

  # Only what a task needs: an interface endpoint is billed per zone and hour. What may be done through each, and to what.
  endpoints = {
    "ecr.api"      = { "arn:${local.partition}:ecr:${var.region}:*:repository/*" = local.pull, "*" = ["ecr:GetAuthorizationToken"] }
    "ecr.dkr"      = { "arn:${local.partition}:ecr:${var.region}:*:repository/*" = local.pull, "*" = ["ecr:GetAuthorizationToken"] }
    logs           = { "arn:${local.partition}:logs:${local.where}:log-group:/ecs/${local.name}-*" = ["logs:CreateLogStream", "logs:PutLogEvents"] }
    ssm            = { "arn:${local.partition}:ssm:${local.where}:parameter/*" = ["ssm:GetParameters"] }
    secretsmanager = { "arn:${local.partition}:secretsmanager:${local.where}:secret:*" = ["secretsmanager:GetSecretValue"] }
  }
  endpoint_services = var.egress == "endpoints" ? toset(concat(
    ["ecr.api", "ecr.dkr", "logs"],
    anytrue([for arn in values(var.secrets) : strcontains(arn, ":ssm:")]) ? ["ssm"] : [],
    anytrue([for arn in values(var.secrets) : strcontains(arn, ":secretsmanager:")]) ? ["secretsmanager"] : [],
  )) : toset([])
  endpoint_prefix = "${data.aws_partition.current.reverse_dns_prefix}.${var.region}"
}

data "aws_iam_policy_document" "endpoints" {
  #checkov:skip=CKV_AWS_356:ecr:GetAuthorizationToken has no resource-level permission.
  for_each = local.endpoint_services

  dynamic "statement" {
    for_each = local.endpoints[each.key]

    content {
      actions   = statement.value
      resources = [statement.key]

      principals {
        type        = "*"
        identifiers = ["*"]
      }

      # Callers of this account only, so that no data is carried out to another one.
      condition {
        test     = "StringEquals"
        variable = "aws:PrincipalAccount"
        values   = [local.account_id]
      }
    }
  }
}

resource "aws_vpc_endpoint" "interface" {
  for_each = local.endpoint_services

  vpc_id              = aws_vpc.this.id
  service_name        = "${local.endpoint_prefix}.${each.key}"
  vpc_endpoint_type   = "Interface"
  subnet_ids          = [for zone in local.zone_names : aws_subnet.private[zone].id]
  security_group_ids  = [aws_security_group.endpoints[0].id]
  private_dns_enabled = true
  policy              = data.aws_iam_policy_document.endpoints[each.key].json

  tags = { Name = "${local.name}-${each.key}" }

  lifecycle {
    create_before_destroy = true
  }
}

# ECR keeps the layers of images in a bucket of AWS's; nothing else in S3 can be reached this way.
data "aws_iam_policy_document" "layers" {
  count = var.egress == "endpoints" ? 1 : 0

  statement {
    sid       = "PullLayers"
    actions   = ["s3:GetObject"]
    resources = ["arn:${local.partition}:s3:::prod-${var.region}-starport-layer-bucket/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }
  }
}

resource "aws_vpc_endpoint" "s3" {
  count = var.egress == "endpoints" ? 1 : 0

  vpc_id            = aws_vpc.this.id
  service_name      = "${local.endpoint_prefix}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.private.id]
  policy            = data.aws_iam_policy_document.layers[0].json

  tags = { Name = "${local.name}-s3" }

  lifecycle {
    create_before_destroy = true
  }
}

# A network of its own: the load balancer in public subnets, tasks in private ones unless egress is public_ip.

resource "aws_vpc" "this" {
  #checkov:skip=CKV2_AWS_11:Access logs tell who called; flow logs are billed by volume and belong to whoever audits the account.
  #checkov:skip=CKV2_AWS_12:The default group is used by nothing; emptying it needs the right to tag any group that has no tags.
  cidr_block           = var.vpc_cidr
  enable_dns_support   = true
  enable_dns_hostnames = true

  tags = { Name = local.name }

  # Another range is another network, and everything in it would be replaced.
  lifecycle {
    ignore_changes = [cidr_block]

    postcondition {
      condition     = self.cidr_block == var.vpc_cidr
      error_message = "Keep vpc_cidr at ${self.cidr_block}, or make a new environment: the range of a live network can't change."
    }
  }
}

resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id

  tags = { Name = local.name }
}

# ---------------------------------------------------------------------------------------------------------------------
# Public: the load balancer, and the NAT gateway if there is one
# ---------------------------------------------------------------------------------------------------------------------

resource "aws_subnet" "public" {
  for_each = local.zones

  vpc_id                  = aws_vpc.this.id
  availability_zone       = each.key
  cidr_block              = cidrsubnet(var.vpc_cidr, 4, each.value)
  map_public_ip_on_launch = false

  tags = { Name = "${local.name}-public-${each.key}" }
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.this.id

  tags = { Name = "${local.name}-public" }
}

resource "aws_route" "public_internet" {
  route_table_id         = aws_route_table.public.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this.id
}

resource "aws_route_table_association" "public" {
  for_each = local.zones

  subnet_id      = aws_subnet.public[each.key].id
  route_table_id = aws_route_table.public.id
}

# ---------------------------------------------------------------------------------------------------------------------
# Private: the tasks, unless egress is public_ip. They cost nothing, so they are always there, and tasks can move in and
# out when egress changes. One route table is enough, as there is one NAT gateway at most.
# ---------------------------------------------------------------------------------------------------------------------

resource "aws_subnet" "private" {
  for_each = local.zones

  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = cidrsubnet(var.vpc_cidr, 4, 8 + each.value)

  tags = { Name = "${local.name}-private-${each.key}" }
}

resource "aws_route_table" "private" {
  vpc_id = aws_vpc.this.id

  tags = { Name = "${local.name}-private" }
}

resource "aws_route_table_association" "private" {
  for_each = local.zones

  subnet_id      = aws_subnet.private[each.key].id
  route_table_id = aws_route_table.private.id
}

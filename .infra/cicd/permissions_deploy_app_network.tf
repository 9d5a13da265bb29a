# DeployApp, the network: EC2's ids are made up by AWS, so tags tell what is the environment's. It may create what carries
# them, and change what carries them.

locals {
  # What each call makes.
  ec2_creates = {
    AllocateAddress       = "elastic-ip"
    CreateInternetGateway = "internet-gateway"
    CreateNatGateway      = "natgateway"
    CreateRouteTable      = "route-table"
    CreateSecurityGroup   = "security-group"
    CreateSubnet          = "subnet"
    CreateVpc             = "vpc"
    CreateVpcEndpoint     = "vpc-endpoint"
  }

  # Rules are made inside a group.
  ec2_kinds = concat(values(local.ec2_creates), ["security-group-rule"])
}

data "aws_iam_policy_document" "deploy_app_network" {
  #checkov:skip=CKV_AWS_111:What EC2 changes is limited by tags.
  #checkov:skip=CKV_AWS_356:EC2's Describe calls have no resource-level permission.
  statement {
    sid = "Look"
    actions = [
      "ec2:DescribeAccountAttributes", "ec2:DescribeAddresses", "ec2:DescribeAddressesAttribute",
      "ec2:DescribeAvailabilityZones", "ec2:DescribeInternetGateways", "ec2:DescribeManagedPrefixLists",
      "ec2:DescribeNatGateways", "ec2:DescribeNetworkAcls", "ec2:DescribeNetworkInterfaces", "ec2:DescribePrefixLists",
      "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroupRules", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets",
      "ec2:DescribeVpcEndpoints", "ec2:DescribeVpcs",
    ]
    resources = ["*"] # no resource-level permission exists
  }

  dynamic "statement" {
    for_each = local.ec2_creates

    content {
      sid       = statement.key
      actions   = ["ec2:${statement.key}"]
      resources = [format(local.regional, "ec2", "${statement.value}/*")]

      dynamic "condition" {
        for_each = local.app_tags

        content {
          test     = "StringEquals"
          variable = "aws:RequestTag/${condition.key}"
          values   = [condition.value]
        }
      }
    }
  }

  statement {
    sid       = "CreateRules"
    actions   = ["ec2:AuthorizeSecurityGroupEgress", "ec2:AuthorizeSecurityGroupIngress"]
    resources = [format(local.regional, "ec2", "security-group-rule/*")]

    dynamic "condition" {
      for_each = local.app_tags

      content {
        test     = "StringEquals"
        variable = "aws:RequestTag/${condition.key}"
        values   = [condition.value]
      }
    }
  }

  statement {
    sid       = "TagWhatIsCreated"
    actions   = ["ec2:CreateTags"]
    resources = [for kind in local.ec2_kinds : format(local.regional, "ec2", "${kind}/*")]

    condition {
      test     = "StringEquals"
      variable = "ec2:CreateAction"
      values   = concat(keys(local.ec2_creates), ["AuthorizeSecurityGroupEgress", "AuthorizeSecurityGroupIngress"])
    }
  }

  # The group that AWS adds to every VPC has no tags, until the stack takes its rules away.
  statement {
    sid       = "TagDefaultGroup"
    actions   = ["ec2:CreateTags"]
    resources = [format(local.regional, "ec2", "security-group/*")]

    condition {
      test     = "Null"
      variable = "aws:ResourceTag/Project"
      values   = ["true"]
    }

    dynamic "condition" {
      for_each = local.app_tags

      content {
        test     = "StringEquals"
        variable = "aws:RequestTag/${condition.key}"
        values   = [condition.value]
      }
    }
  }

  statement {
    sid = "ChangeWhatIsTagged"
    actions = [
      "ec2:AssociateRouteTable", "ec2:AttachInternetGateway", "ec2:AuthorizeSecurityGroupEgress",
      "ec2:AuthorizeSecurityGroupIngress", "ec2:CreateNatGateway", "ec2:CreateRoute", "ec2:CreateRouteTable",
      "ec2:CreateSecurityGroup", "ec2:CreateSubnet", "ec2:CreateTags", "ec2:CreateVpcEndpoint", "ec2:DeleteNatGateway",
      "ec2:DeleteRoute", "ec2:DeleteRouteTable", "ec2:DeleteSecurityGroup", "ec2:DeleteSubnet", "ec2:DeleteTags",
      "ec2:DeleteVpcEndpoints", "ec2:DescribeVpcAttribute", "ec2:DisassociateAddress", "ec2:DisassociateRouteTable",
      "ec2:ModifySecurityGroupRules", "ec2:ModifySubnetAttribute", "ec2:ModifyVpcAttribute", "ec2:ModifyVpcEndpoint",
      "ec2:ReleaseAddress", "ec2:ReplaceRoute", "ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress",
      "ec2:UpdateSecurityGroupRuleDescriptionsEgress", "ec2:UpdateSecurityGroupRuleDescriptionsIngress",
    ]
    resources = [for kind in local.ec2_kinds : format(local.regional, "ec2", "${kind}/*")]

    dynamic "condition" {
      for_each = local.app_tags

      content {
        test     = "StringEquals"
        variable = "aws:ResourceTag/${condition.key}"
        values   = [condition.value]
      }
    }
  }
}

# A private network with a way out, an instance's port, a floating IP on it, and one port of another floating IP.
# OS_AUTH_URL=http://127.0.0.1:9696/v3, OS_USERNAME, OS_PASSWORD, OS_PROJECT_NAME, OS_USER_DOMAIN_ID=default and
# OS_PROJECT_DOMAIN_ID=default say where and who; the network "public" is an admin's.

terraform {
  required_providers {
    openstack = {
      source  = "terraform-provider-openstack/openstack"
      version = "~> 3.0"
    }
  }
}

provider "openstack" {}

data "openstack_networking_network_v2" "public" {
  name     = "public"
  external = true
}

resource "openstack_networking_network_v2" "web" {
  name = "web"
  tags = ["terraform"]
}

resource "openstack_networking_subnet_v2" "web" {
  network_id      = openstack_networking_network_v2.web.id
  cidr            = "10.70.0.0/24"
  dns_nameservers = ["192.0.2.53"]
}

resource "openstack_networking_router_v2" "web" {
  name                = "web"
  external_network_id = data.openstack_networking_network_v2.public.id
}

resource "openstack_networking_router_interface_v2" "web" {
  router_id = openstack_networking_router_v2.web.id
  subnet_id = openstack_networking_subnet_v2.web.id
}

resource "openstack_networking_port_v2" "web" {
  name       = "web-1"
  network_id = openstack_networking_network_v2.web.id
  fixed_ip {
    subnet_id = openstack_networking_subnet_v2.web.id
  }
  extra_dhcp_option {
    name  = "bootfile-name"
    value = "pxelinux.0"
  }
}

resource "openstack_networking_floatingip_v2" "web" {
  pool = "public"
}

resource "openstack_networking_floatingip_associate_v2" "web" {
  floating_ip = openstack_networking_floatingip_v2.web.address
  port_id     = openstack_networking_port_v2.web.id
  depends_on  = [openstack_networking_router_interface_v2.web]
}

resource "openstack_networking_port_v2" "api" {
  name       = "api-1"
  network_id = openstack_networking_network_v2.web.id
  fixed_ip {
    subnet_id = openstack_networking_subnet_v2.web.id
  }
}

resource "openstack_networking_floatingip_v2" "api" {
  pool = "public"
}

resource "openstack_networking_portforwarding_v2" "api" {
  floatingip_id       = openstack_networking_floatingip_v2.api.id
  protocol            = "tcp"
  external_port       = 443
  internal_port       = 8443
  internal_port_id    = openstack_networking_port_v2.api.id
  internal_ip_address = openstack_networking_port_v2.api.all_fixed_ips[0]
  depends_on          = [openstack_networking_router_interface_v2.web]
}

output "addresses" {
  value = [openstack_networking_floatingip_v2.web.address, openstack_networking_floatingip_v2.api.address]
}

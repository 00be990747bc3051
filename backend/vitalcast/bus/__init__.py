"""The way frames travel from the sources to the hub, and demand from the hub to the sources."""

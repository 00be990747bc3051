"""The way frames travel from the sampler to the hub."""

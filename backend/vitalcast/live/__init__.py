"""The asyncio side: the sampler, the connections and the service that starts and stops them."""

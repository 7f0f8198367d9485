"""The same client for asyncio: each class as its synchronous twin, with `await`."""

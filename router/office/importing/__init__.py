"""What another gateway knows of customers and models, taken over into this one."""

"""Those who keep a name, one file each: how they are asked, what they answer, and what they call abuse."""

"""What people use the appliance for, one folder an app. Apps do not import each other."""

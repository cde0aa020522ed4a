-- The role that migrates: it may create the run-time roles and sees every row, but is no superuser.
create role quittance_owner login createrole bypassrls password 'quittance';
create database quittance owner quittance_owner;

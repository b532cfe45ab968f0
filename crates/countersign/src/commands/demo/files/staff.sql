CREATE TABLE people (
  username TEXT PRIMARY KEY, email TEXT NOT NULL, given_name TEXT NOT NULL, family_name TEXT NOT NULL,
  department TEXT NOT NULL, title TEXT, national_id TEXT
);
CREATE TABLE memberships (username TEXT NOT NULL REFERENCES people, name TEXT NOT NULL, PRIMARY KEY (username, name));

INSERT INTO people VALUES
  ('alice',   'alice@acme.example',   'Alice',   'Liddell',    'Sales',       'Account Manager', 'AL-1001'),
  ('bob',     'bob@acme.example',     'Bob',     'Sawyer',     'Sales',       NULL,              'BS-1002'),
  ('juergen', 'juergen@acme.example', 'Jürgen',  'Müller',     'Warehouse',   'Meister',         'JM-1003'),
  ('zoe',     'zoe@acme.example',     'Zoë',     'Brontë',     'Legal',       'Counsel',         'ZB-1004'),
  ('lukasz',  'lukasz@acme.example',  'Łukasz',  'Wiśniewski', 'Warehouse',   NULL,              'LW-1005'),
  ('lei',     'lei@acme.example',     '蕾',      '李',         'Engineering', '工程师',          'LL-1006'),
  ('ngoc',    'ngoc@acme.example',    'Ngọc',    'Nguyễn',     'Engineering', 'Tech Lead',       'NN-1007'),
  ('oscar',   'oscar@acme.example',   'Óscar',   'Ibáñez',     'Finance',     'Controller',      'OI-1008'),
  ('ayse',    'ayse@acme.example',    'Ayşe',    'Yılmaz',     'Finance',     NULL,              'AY-1009'),
  ('olga',    'olga@acme.example',    'Ольга',   'Иванова',    'Support',     'Team Lead',       'OI-1010'),
  ('yusuf',   'yusuf@acme.example',   'يوسف',    'حداد',       'Support',     NULL,              'YH-1011'),
  ('siobhan', 'siobhan@acme.example', 'Siobhán', 'O''Brien',   'Management',  'Director',        'SO-1012');

INSERT INTO memberships VALUES
  ('alice', 'staff'), ('alice', 'orders-read'), ('alice', 'orders-write'),
  ('bob', 'staff'), ('bob', 'orders-read'),
  ('juergen', 'staff'), ('juergen', 'orders-ship'), ('juergen', 'forklift'),
  ('zoe', 'staff'), ('zoe', 'contracts'),
  ('lukasz', 'staff'), ('lukasz', 'orders-ship'),
  ('lei', 'staff'), ('lei', 'developers'),
  ('ngoc', 'staff'), ('ngoc', 'developers'), ('ngoc', 'admins'),
  ('oscar', 'staff'), ('oscar', 'finance'), ('oscar', 'orders-read'),
  ('ayse', 'staff'), ('ayse', 'finance'),
  ('olga', 'staff'), ('olga', 'helpdesk'), ('olga', 'orders-read'),
  ('yusuf', 'staff'), ('yusuf', 'helpdesk'),
  ('siobhan', 'staff'), ('siobhan', 'board');
